-- Confirms bookings whose money the gateway has. Outcomes: confirmed (now), already (confirmed before: the
-- same booking), refund-due (it had expired, and its places are gone or the event is cancelled: it is
-- refunded), unknown. p_late_note: the note to the buyer of a refunded booking.
CREATE OR REPLACE FUNCTION confirm_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_provider_refs text[], p_responses jsonb[], p_actor text,
  p_late_note text
) RETURNS TABLE (ord integer, outcome text, version integer, settlement jsonb, outbox_id uuid)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  n integer := cardinality(p_booking_ids);
  outcomes text[] := array_fill('unknown'::text, ARRAY[n]);
  settlements jsonb[] := array_fill(NULL::jsonb, ARRAY[n]);
  outbox_ids uuid[] := array_fill(NULL::uuid, ARRAY[n]);
  winners integer[] := '{}';
  o integer;
  r record;
BEGIN
  FOR r IN
    SELECT a.ord::integer AS ord, b.event_id, b.booking_id, b.status
    FROM unnest(p_event_ids, p_booking_ids) WITH ORDINALITY a(event_id, booking_id, ord)
    JOIN bookings b ON b.event_id = a.event_id AND b.booking_id = a.booking_id
    ORDER BY b.event_id, b.booking_id FOR UPDATE OF b
  LOOP
    IF r.status IN ('confirmed', 'cancelled') THEN
      outcomes[r.ord] := 'already';
    ELSIF r.status = 'pending' THEN
      -- Also of a cancelled event: confirmed first, then cancelled and refunded like every other.
      winners := winners || r.ord;
    ELSIF r.status = 'expired' AND retake_booking(r.event_id, r.booking_id) THEN
      winners := winners || r.ord;
    ELSE
      outcomes[r.ord] := 'refund-due';
      UPDATE payments p SET status = 'refund_pending', provider_ref = p_provider_refs[r.ord], updated_at = now()
      WHERE p.event_id = r.event_id AND p.booking_id = r.booking_id
        AND p.status IN ('initiated', 'voided', 'declined');
      IF FOUND THEN
        UPDATE bookings b SET note = p_late_note
        WHERE b.event_id = r.event_id AND b.booking_id = r.booking_id;
        INSERT INTO outbox (event_id, kind, booking_id) VALUES (r.event_id, 'refund', r.booking_id);
        INSERT INTO audit (event_id, booking_id, action, actor)
        VALUES (r.event_id, r.booking_id, 'late-payment-refunded', p_actor);
      END IF;
    END IF;
  END LOOP;
  IF cardinality(winners) > 0 THEN
    UPDATE bookings b SET status = 'confirmed', version = b.version + 1, expires_at = NULL, note = NULL
    FROM unnest(winners) o WHERE b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o];

    PERFORM move_claims(p_event_ids, p_booking_ids, winners, -1, 1);

    UPDATE seats s SET state = 'sold', version = s.version + 1
    FROM unnest(winners) o
    JOIN booking_items i ON i.event_id = p_event_ids[o] AND i.booking_id = p_booking_ids[o]
    WHERE s.event_id = i.event_id AND s.seat_no = i.seat_no;

    UPDATE payments p SET status = 'captured', provider_ref = p_provider_refs[o], updated_at = now()
    FROM unnest(winners) o WHERE p.event_id = p_event_ids[o] AND p.booking_id = p_booking_ids[o];

    INSERT INTO tickets (event_id, booking_id, item_no, place_no)
    SELECT i.event_id, i.booking_id, i.item_no, place
    FROM unnest(winners) o
    JOIN booking_items i ON i.event_id = p_event_ids[o] AND i.booking_id = p_booking_ids[o],
    generate_series(1, i.quantity) place;

    INSERT INTO audit (event_id, booking_id, action, actor)
    SELECT p_event_ids[o], p_booking_ids[o], 'confirmed', p_actor FROM unnest(winners) o;

    PERFORM enqueue_booking_mails(p_event_ids, p_booking_ids, winners, 'booking-confirmed');

    UPDATE idempotency_keys k SET response = p_responses[o]
    FROM unnest(winners) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.event_id = b.event_id
      AND k.response IS NULL;

    FOR r IN
      INSERT INTO outbox (event_id, kind, booking_id, payload)
      SELECT s.event_id, 'settle', s.booking_id, s.payload
      FROM settlements(p_event_ids, p_booking_ids, winners, 'booked') s
      RETURNING outbox.outbox_id, outbox.booking_id, outbox.payload
    LOOP
      o := array_position(p_booking_ids, r.booking_id);
      outcomes[o] := 'confirmed';
      settlements[o] := r.payload;
      outbox_ids[o] := r.outbox_id;
    END LOOP;
  END IF;

  RETURN QUERY SELECT a.ord::integer, outcomes[a.ord], b.version, settlements[a.ord], outbox_ids[a.ord]
  FROM unnest(p_event_ids, p_booking_ids) WITH ORDINALITY a(event_id, booking_id, ord)
  LEFT JOIN bookings b ON b.event_id = a.event_id AND b.booking_id = a.booking_id;
END $$;
