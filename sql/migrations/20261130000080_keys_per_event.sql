-- migrate:up

-- An idempotency key belongs to a buyer and an event: events may live on different servers, and none can
-- know which keys the others have seen.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey, ADD PRIMARY KEY (buyer_id, key, event_id);

-- migrate:down

DELETE FROM idempotency_keys k USING idempotency_keys other
WHERE other.buyer_id = k.buyer_id AND other.key = k.key
  AND (other.created_at, other.event_id) > (k.created_at, k.event_id);
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey, ADD PRIMARY KEY (buyer_id, key);
