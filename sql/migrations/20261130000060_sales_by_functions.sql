-- migrate:up

-- What selling still wrote by itself. The role that sells may change no table: it calls these, as the
-- owner (sql/grants.sql says who may call what).

-- The answers given to first requests, to be given again; only the first answer counts.
CREATE FUNCTION answer_keys(p_event_ids uuid[], p_buyer_ids uuid[], p_keys text[], p_responses jsonb[]) RETURNS void
LANGUAGE sql AS $$
  UPDATE idempotency_keys k SET response = a.response
  FROM unnest(p_event_ids, p_buyer_ids, p_keys, p_responses) a(event_id, buyer_id, key, response)
  WHERE k.buyer_id = a.buyer_id AND k.key = a.key AND k.event_id = a.event_id AND k.response IS NULL
$$;

-- What the outbox still says of these sales has been carried out. By two arrays, which the index is
-- searched by; as rows of a table they would be compared with every row of the outbox. An outbox_id is
-- of one event only. Money owed back stays: the worker alone says that it was given.
CREATE FUNCTION forget_settlements(p_event_ids uuid[], p_outbox_ids uuid[]) RETURNS void
LANGUAGE sql AS $$
  DELETE FROM outbox WHERE event_id = ANY(p_event_ids) AND outbox_id = ANY(p_outbox_ids) AND kind = 'settle'
$$;

-- Numbers a new life of the event's Redis state, larger than any that was seen. NULL: the event is not
-- published.
CREATE FUNCTION next_epoch(p_event_id uuid, p_seen integer) RETURNS integer
LANGUAGE sql AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) + 1 WHERE event_id = p_event_id RETURNING epoch
$$;

-- The next life is to be larger than p_seen. NULL: the event is not published.
CREATE FUNCTION raise_epoch(p_event_id uuid, p_seen integer) RETURNS integer
LANGUAGE sql AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) WHERE event_id = p_event_id RETURNING epoch
$$;

-- Who accepted an offer by a mailed link has its hold.
CREATE FUNCTION hand_offer_to(p_offer_id uuid, p_holder_id uuid) RETURNS void
LANGUAGE sql AS $$
  UPDATE offers SET holder_id = p_holder_id WHERE offer_id = p_offer_id AND status = 'used'
$$;

-- The gateway has given the money back: the payment says so, once, and the buyer is written to.
CREATE FUNCTION note_refund(p_event_id uuid, p_booking_id uuid, p_actor text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  UPDATE payments SET status = 'refunded', updated_at = now()
  WHERE event_id = p_event_id AND booking_id = p_booking_id AND status = 'refund_pending';
  IF FOUND THEN
    INSERT INTO audit (event_id, booking_id, action, actor) VALUES (p_event_id, p_booking_id, 'refunded', p_actor);
    PERFORM enqueue_booking_mails(ARRAY[p_event_id], ARRAY[p_booking_id], ARRAY[1], 'booking-refunded');
  END IF;
END $$;

-- migrate:down

DROP FUNCTION note_refund(uuid, uuid, text);
DROP FUNCTION hand_offer_to(uuid, uuid);
DROP FUNCTION raise_epoch(uuid, integer);
DROP FUNCTION next_epoch(uuid, integer);
DROP FUNCTION forget_settlements(uuid[], uuid[]);
DROP FUNCTION answer_keys(uuid[], uuid[], text[], jsonb[]);
