-- migrate:up

-- An idempotency key belongs to a buyer and an event: events may live on different servers, and none can
-- know which keys the others have seen.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey, ADD PRIMARY KEY (buyer_id, key, event_id);

-- Who writes an answer under a key names the event, too. Nothing else of these functions changes.
DO $$
DECLARE
  f regproc;
  before text;
BEGIN
  FOREACH f IN ARRAY ARRAY['confirm_bookings', 'end_bookings']::regproc[] LOOP
    before := pg_get_functiondef(f);
    EXECUTE replace(before, 'WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND',
      'WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.event_id = b.event_id AND');
    ASSERT pg_get_functiondef(f) <> before;
  END LOOP;
END $$;

-- migrate:down

DO $$
DECLARE f regproc;
BEGIN
  FOREACH f IN ARRAY ARRAY['confirm_bookings', 'end_bookings']::regproc[] LOOP
    EXECUTE replace(pg_get_functiondef(f), ' AND k.event_id = b.event_id', '');
  END LOOP;
END $$;

DELETE FROM idempotency_keys k USING idempotency_keys other
WHERE other.buyer_id = k.buyer_id AND other.key = k.key
  AND (other.created_at, other.event_id) > (k.created_at, k.event_id);
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey, ADD PRIMARY KEY (buyer_id, key);
