-- Ends bookings and returns their places to sale: pending ones as declined or expired, confirmed ones as
-- cancelled (a refund is then owed). p_versions: the version the caller saw, NULL for any. Outcomes: ended;
-- stale (another version); not-due (expired: its time is not over yet); refused (its state cannot end in this
-- way; see status), unknown.
CREATE OR REPLACE FUNCTION end_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_versions integer[], p_to booking_status,
  p_actor text, p_notes text[], p_decline_codes text[], p_responses jsonb[]
) RETURNS TABLE (ord integer, outcome text, status booking_status, version integer,
                 settlement jsonb, outbox_id uuid)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  n integer := cardinality(p_booking_ids);
  v_from booking_status := CASE p_to WHEN 'cancelled' THEN 'confirmed' ELSE 'pending' END::booking_status;
  outcomes text[] := array_fill('unknown'::text, ARRAY[n]);
  settlements jsonb[] := array_fill(NULL::jsonb, ARRAY[n]);
  outbox_ids uuid[] := array_fill(NULL::uuid, ARRAY[n]);
  winners integer[] := '{}';
  o integer;
  r record;
BEGIN
  FOR r IN
    SELECT a.ord::integer AS ord, b.status, b.version, b.expires_at
    FROM unnest(p_event_ids, p_booking_ids) WITH ORDINALITY a(event_id, booking_id, ord)
    JOIN bookings b ON b.event_id = a.event_id AND b.booking_id = a.booking_id
    ORDER BY b.event_id, b.booking_id FOR UPDATE OF b
  LOOP
    IF r.status <> v_from THEN
      outcomes[r.ord] := 'refused';
    ELSIF r.version <> p_versions[r.ord] THEN
      outcomes[r.ord] := 'stale';
    ELSIF p_to = 'expired' AND r.expires_at > clock_timestamp() THEN
      outcomes[r.ord] := 'not-due';
    ELSE
      winners := winners || r.ord;
    END IF;
  END LOOP;

  IF cardinality(winners) > 0 THEN
    UPDATE bookings b SET status = p_to, live = false, version = b.version + 1, expires_at = NULL,
      note = p_notes[w]
    FROM unnest(winners) w WHERE b.event_id = p_event_ids[w] AND b.booking_id = p_booking_ids[w];

    IF v_from = 'pending' THEN
      PERFORM move_claims(p_event_ids, p_booking_ids, winners, -1, 0);
    ELSE
      PERFORM move_claims(p_event_ids, p_booking_ids, winners, 0, -1);
    END IF;

    UPDATE seats s SET state = 'available', version = s.version + 1, booking_id = NULL
    FROM unnest(winners) w
    JOIN booking_items i ON i.event_id = p_event_ids[w] AND i.booking_id = p_booking_ids[w]
    WHERE s.event_id = i.event_id AND s.seat_no = i.seat_no;

    UPDATE booking_items i SET live = false
    FROM unnest(winners) w WHERE i.event_id = p_event_ids[w] AND i.booking_id = p_booking_ids[w];

    UPDATE tickets t SET void = true
    FROM unnest(winners) w WHERE t.event_id = p_event_ids[w] AND t.booking_id = p_booking_ids[w];

    UPDATE payments p SET updated_at = now(), decline_code = p_decline_codes[w],
      status = CASE p_to WHEN 'cancelled' THEN 'refund_pending' WHEN 'declined' THEN 'declined'
               ELSE 'voided' END::payment_status
    FROM unnest(winners) w WHERE p.event_id = p_event_ids[w] AND p.booking_id = p_booking_ids[w];

    INSERT INTO audit (event_id, booking_id, action, actor, details)
    SELECT p_event_ids[w], p_booking_ids[w], p_to::text, p_actor,
           jsonb_strip_nulls(jsonb_build_object('note', p_notes[w], 'decline_code', p_decline_codes[w]))
    FROM unnest(winners) w;

    UPDATE idempotency_keys k SET response = p_responses[w]
    FROM unnest(winners) w
    JOIN bookings b ON b.event_id = p_event_ids[w] AND b.booking_id = p_booking_ids[w]
    WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.event_id = b.event_id
      AND k.response IS NULL;

    INSERT INTO outbox (event_id, kind, booking_id)
    SELECT p_event_ids[w], 'inquire', p_booking_ids[w] FROM unnest(winners) w
    WHERE p_to = 'expired' AND p_decline_codes[w] = 'gateway-unanswered';
    IF p_to = 'cancelled' THEN
      INSERT INTO outbox (event_id, kind, booking_id)
      SELECT p_event_ids[w], 'refund', p_booking_ids[w] FROM unnest(winners) w;
      PERFORM enqueue_booking_mails(p_event_ids, p_booking_ids, winners, 'booking-cancelled');
    END IF;
    FOR r IN
      INSERT INTO outbox (event_id, kind, booking_id, payload)
      SELECT s.event_id, 'settle', s.booking_id, s.payload
      -- A declined card leaves the hold with its buyer, to try another.
      FROM settlements(p_event_ids, p_booking_ids, winners,
        CASE p_to WHEN 'declined' THEN 'kept' WHEN 'expired' THEN 'expired' ELSE '' END) s
      RETURNING outbox.outbox_id, outbox.booking_id, outbox.payload
    LOOP
      o := array_position(p_booking_ids, r.booking_id);
      outcomes[o] := 'ended';
      settlements[o] := r.payload;
      outbox_ids[o] := r.outbox_id;
    END LOOP;
  END IF;

  RETURN QUERY SELECT a.ord::integer, outcomes[a.ord], b.status, b.version, settlements[a.ord], outbox_ids[a.ord]
  FROM unnest(p_event_ids, p_booking_ids) WITH ORDINALITY a(event_id, booking_id, ord)
  LEFT JOIN bookings b ON b.event_id = a.event_id AND b.booking_id = a.booking_id;
END $$;
