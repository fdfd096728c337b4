-- migrate:up

-- The three batches of a sale, each one transaction for any number of bookings. A booking that
-- cannot be served gets its own outcome and leaves its neighbours alone. Callers put no two bookings
-- that share a seat, a buyer or a key into one call (engine.base.batch keeps them apart), so rows compete
-- only between calls, and every call locks in the same order: keys, claims, areas, seats, each by key.
-- What a step asked for and what it got are told apart by counting both under one key: joined they would
-- be compared pair by pair, for the planner takes every array to be short.

-- pending bookings for holds. One array entry per booking; items name their booking by its place
-- (1…) in those arrays. Outcomes: reserved; duplicate-key, hold-booked (booking_id = the one there),
-- hold-expired, event-closed, limit-reached, seat-unavailable (seats, areas = what is lost).
CREATE FUNCTION reserve_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_hold_ids uuid[], p_buyer_ids uuid[],
  p_references text[], p_deadlines timestamptz[], p_amounts bigint[],
  p_emails text[], p_names text[], p_providers text[], p_tokens text[],
  p_keys text[], p_fingerprints bytea[], p_request_ids text[],
  p_seat_ords integer[], p_seat_nos integer[], p_seat_categories integer[], p_seat_amounts bigint[],
  p_area_ords integer[], p_area_nos integer[], p_area_categories integer[],
  p_area_quantities integer[], p_area_amounts bigint[]
) RETURNS TABLE (ord integer, outcome text, booking_id uuid, seats integer[], areas integer[],
                 created_at timestamptz)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  n integer := cardinality(p_booking_ids);
  quantities integer[];          -- places asked for, per booking
  outcomes text[] := array_fill(NULL::text, ARRAY[n]);
  existing uuid[] := array_fill(NULL::uuid, ARRAY[n]);
  given jsonb := '{}';            -- places of areas given away in this call
  r record;
BEGIN
  SELECT array_agg(q.quantity ORDER BY q.ord) INTO quantities
  FROM (
    SELECT i.ord, sum(i.quantity)::integer AS quantity FROM (
      SELECT o, 0 FROM generate_series(1, n) o
      UNION ALL SELECT s, 1 FROM unnest(p_seat_ords) s
      UNION ALL SELECT a, q FROM unnest(p_area_ords, p_area_quantities) u(a, q)
    ) i(ord, quantity) GROUP BY i.ord
  ) q;

  FOR r IN
    WITH asked AS (
      SELECT * FROM unnest(p_buyer_ids, p_keys, p_fingerprints, p_event_ids, p_booking_ids)
        WITH ORDINALITY a(buyer_id, key, fingerprint, event_id, booking_id, ord)
    ), made AS (
      INSERT INTO idempotency_keys (buyer_id, key, fingerprint, event_id, booking_id)
      SELECT buyer_id, key, fingerprint, event_id, booking_id FROM asked ORDER BY buyer_id, key
      ON CONFLICT DO NOTHING RETURNING idempotency_keys.booking_id
    )
    SELECT max(k.ord) AS ord FROM (
      SELECT booking_id, ord FROM asked UNION ALL SELECT booking_id, NULL FROM made
    ) k GROUP BY k.booking_id HAVING count(*) = 1
  LOOP outcomes[r.ord] := 'duplicate-key'; END LOOP;

  FOR r IN
    SELECT a.ord FROM unnest(p_event_ids, p_deadlines) WITH ORDINALITY a(event_id, deadline, ord)
    LEFT JOIN events e ON e.event_id = a.event_id
    WHERE outcomes[a.ord] IS NULL AND coalesce(e.status NOT IN ('on_sale', 'paused'), true)
  LOOP outcomes[r.ord] := 'event-closed'; END LOOP;

  -- The claim's row is taken and counted in one step; who turns out a loser gives it back below.
  FOR r IN
    WITH asked AS (
      SELECT a.ord::integer AS ord, a.event_id, a.buyer_id, quantities[a.ord] AS quantity, e.buyer_limit
      FROM unnest(p_event_ids, p_buyer_ids) WITH ORDINALITY a(event_id, buyer_id, ord)
      JOIN events e ON e.event_id = a.event_id
      WHERE outcomes[a.ord] IS NULL AND quantities[a.ord] <= e.buyer_limit
    ), counted AS (
      INSERT INTO buyer_claims AS c (event_id, buyer_id, reserved)
      SELECT event_id, buyer_id, quantity FROM asked ORDER BY event_id, buyer_id
      ON CONFLICT (event_id, buyer_id) DO UPDATE SET reserved = c.reserved + excluded.reserved,
        version = c.version + 1
        WHERE c.reserved + c.sold + excluded.reserved
          <= (SELECT e.buyer_limit FROM events e WHERE e.event_id = c.event_id)
      RETURNING c.event_id, c.buyer_id
    )
    SELECT max(k.ord) AS ord FROM (
      SELECT o AS ord, p_event_ids[o] AS event_id, p_buyer_ids[o] AS buyer_id
      FROM generate_series(1, n) o WHERE outcomes[o] IS NULL
      UNION ALL SELECT NULL, event_id, buyer_id FROM counted
    ) k GROUP BY k.event_id, k.buyer_id HAVING count(*) = 1
  LOOP outcomes[r.ord] := 'limit-reached'; END LOOP;

  -- Whoever holds the claim's row sees every earlier booking of the same hold.
  FOR r IN
    SELECT a.ord, b.booking_id FROM unnest(p_event_ids, p_hold_ids) WITH ORDINALITY a(event_id, hold_id, ord)
    JOIN bookings b ON b.event_id = a.event_id AND b.hold_id = a.hold_id AND b.live
    WHERE coalesce(outcomes[a.ord], 'limit-reached') = 'limit-reached'
  LOOP
    outcomes[r.ord] := CASE outcomes[r.ord] WHEN 'limit-reached' THEN 'hold-booked-uncounted'
                       ELSE 'hold-booked' END;
    existing[r.ord] := r.booking_id;
  END LOOP;

  IF cardinality(p_area_ords) > 0 THEN
    PERFORM FROM areas a
    WHERE (a.event_id, a.area_no) IN (
      SELECT p_event_ids[w.ord], w.area_no FROM unnest(p_area_ords, p_area_nos) w(ord, area_no)
      WHERE outcomes[w.ord] IS NULL)
    ORDER BY a.event_id, a.area_no FOR UPDATE;
  END IF;

  FOR r IN
    WITH wanted AS (
      SELECT w.ord, p_event_ids[w.ord] AS event_id, w.seat_no
      FROM unnest(p_seat_ords, p_seat_nos) w(ord, seat_no) WHERE outcomes[w.ord] IS NULL
    ), locked AS MATERIALIZED (
      SELECT w.ord, s.state FROM wanted w
      JOIN seats s ON s.event_id = w.event_id AND s.seat_no = w.seat_no
      ORDER BY s.event_id, s.seat_no FOR UPDATE OF s
    )
    SELECT k.ord FROM (
      SELECT ord, 1 AS lacking FROM wanted
      UNION ALL SELECT ord, -1 FROM locked WHERE state = 'available'
    ) k GROUP BY k.ord HAVING sum(k.lacking) > 0
  LOOP outcomes[r.ord] := 'seat-unavailable'; END LOOP;

  -- Seats kept for somebody else of the waitlist: looked for once the seats are locked, as a round locks
  -- them before it offers them.
  FOR r IN
    SELECT DISTINCT w.ord FROM unnest(p_seat_ords, p_seat_nos) w(ord, seat_no)
    JOIN offer_seats f ON f.event_id = p_event_ids[w.ord] AND f.seat_no = w.seat_no AND f.live
    WHERE outcomes[w.ord] IS NULL AND f.offer_id <> p_hold_ids[w.ord]
  LOOP outcomes[r.ord] := 'seat-unavailable'; END LOOP;

  -- By this clock, after every lock: a process that slept through its hold's deadline loses here.
  FOR r IN
    SELECT a.ord FROM unnest(p_deadlines) WITH ORDINALITY a(deadline, ord)
    WHERE outcomes[a.ord] IS NULL AND a.deadline <= clock_timestamp()
  LOOP outcomes[r.ord] := 'hold-expired'; END LOOP;

  -- In order, and only what is still in the running counts: a loser takes nobody's place with it.
  FOR r IN
    SELECT u.ord, a.event_id || ':' || a.area_no AS area, u.quantity, a.capacity - a.reserved - a.sold
      - offered_places(a.event_id, a.area_no, p_hold_ids[u.ord]) AS free
    FROM unnest(p_area_ords, p_area_nos, p_area_quantities) u(ord, area_no, quantity)
    LEFT JOIN areas a ON a.event_id = p_event_ids[u.ord] AND a.area_no = u.area_no
    WHERE outcomes[u.ord] IS NULL ORDER BY u.ord
  LOOP
    IF coalesce(coalesce((given ->> r.area)::integer, 0) + r.quantity > r.free, true) THEN
      outcomes[r.ord] := 'seat-unavailable';
    ELSE
      given := given || jsonb_build_object(r.area, coalesce((given ->> r.area)::integer, 0) + r.quantity);
    END IF;
  END LOOP;

  INSERT INTO bookings (event_id, booking_id, hold_id, buyer_id, reference, amount_minor, currency,
                        email, name, expires_at, idempotency_key, request_id)
  SELECT a.event_id, a.booking_id, a.hold_id, a.buyer_id, a.reference, a.amount, e.currency,
         a.email, a.name, a.deadline, a.key, a.request_id
  FROM unnest(p_event_ids, p_booking_ids, p_hold_ids, p_buyer_ids, p_references, p_amounts, p_emails,
              p_names, p_deadlines, p_keys, p_request_ids) WITH ORDINALITY
       a(event_id, booking_id, hold_id, buyer_id, reference, amount, email, name, deadline, key, request_id, ord)
  JOIN events e ON e.event_id = a.event_id
  WHERE outcomes[a.ord] IS NULL;

  INSERT INTO payments (event_id, booking_id, provider, token, amount_minor, currency)
  SELECT a.event_id, a.booking_id, a.provider, a.token, a.amount, e.currency
  FROM unnest(p_event_ids, p_booking_ids, p_providers, p_tokens, p_amounts) WITH ORDINALITY
       a(event_id, booking_id, provider, token, amount, ord)
  JOIN events e ON e.event_id = a.event_id
  WHERE outcomes[a.ord] IS NULL;

  INSERT INTO booking_items (event_id, booking_id, item_no, seat_no, area_no, category_no, quantity,
                             amount_minor)
  SELECT p_event_ids[i.ord], p_booking_ids[i.ord],
         row_number() OVER (PARTITION BY i.ord ORDER BY i.seat_no, i.area_no),
         i.seat_no, i.area_no, i.category_no, i.quantity, i.amount
  FROM (
    SELECT s.ord, s.seat_no, NULL::integer AS area_no, s.category_no, 1 AS quantity, s.amount
    FROM unnest(p_seat_ords, p_seat_nos, p_seat_categories, p_seat_amounts) s(ord, seat_no, category_no, amount)
    UNION ALL
    SELECT a.ord, NULL, a.area_no, a.category_no, a.quantity, a.amount
    FROM unnest(p_area_ords, p_area_nos, p_area_categories, p_area_quantities, p_area_amounts)
         a(ord, area_no, category_no, quantity, amount)
  ) i
  WHERE outcomes[i.ord] IS NULL;

  UPDATE seats s SET state = 'reserved', version = s.version + 1, booking_id = p_booking_ids[w.ord]
  FROM unnest(p_seat_ords, p_seat_nos) w(ord, seat_no)
  WHERE s.event_id = p_event_ids[w.ord] AND s.seat_no = w.seat_no AND outcomes[w.ord] IS NULL;

  UPDATE areas a SET reserved = a.reserved + w.quantity, version = a.version + 1
  FROM (SELECT p_event_ids[u.ord] AS event_id, u.area_no, sum(u.quantity)::integer AS quantity
        FROM unnest(p_area_ords, p_area_nos, p_area_quantities) u(ord, area_no, quantity)
        WHERE outcomes[u.ord] IS NULL GROUP BY 1, 2) w
  WHERE a.event_id = w.event_id AND a.area_no = w.area_no;

  IF cardinality(array_remove(outcomes, NULL)) > 0 THEN
    UPDATE buyer_claims c SET reserved = c.reserved - quantities[o], version = c.version + 1
    FROM generate_series(1, n) o
    WHERE c.event_id = p_event_ids[o] AND c.buyer_id = p_buyer_ids[o]
      AND outcomes[o] IN ('hold-booked', 'seat-unavailable', 'hold-expired');
    DELETE FROM idempotency_keys k USING generate_series(1, n) o
    WHERE k.buyer_id = p_buyer_ids[o] AND k.key = p_keys[o] AND k.booking_id = p_booking_ids[o]
      AND outcomes[o] IS NOT NULL;
  END IF;

  RETURN QUERY SELECT o,
    CASE outcomes[o] WHEN 'hold-booked-uncounted' THEN 'hold-booked' ELSE coalesce(outcomes[o], 'reserved') END,
    coalesce(existing[o], p_booking_ids[o]),
    CASE WHEN outcomes[o] = 'seat-unavailable' THEN ARRAY(
      SELECT w.seat_no FROM unnest(p_seat_ords, p_seat_nos) w(ord, seat_no)
      LEFT JOIN seats s ON s.event_id = p_event_ids[o] AND s.seat_no = w.seat_no
      WHERE w.ord = o AND (s.state IS DISTINCT FROM 'available' OR EXISTS (
        SELECT FROM offer_seats f WHERE f.event_id = p_event_ids[o] AND f.seat_no = w.seat_no AND f.live
          AND f.offer_id <> p_hold_ids[o])) ORDER BY 1) END,
    CASE WHEN outcomes[o] = 'seat-unavailable' THEN ARRAY(
      SELECT w.area_no FROM unnest(p_area_ords, p_area_nos, p_area_quantities) w(ord, area_no, quantity)
      LEFT JOIN areas a ON a.event_id = p_event_ids[o] AND a.area_no = w.area_no
      WHERE w.ord = o AND coalesce(a.capacity - a.reserved - a.sold
        - offered_places(a.event_id, a.area_no, p_hold_ids[o]) < w.quantity, true) ORDER BY 1) END,
    now()
  FROM generate_series(1, n) o;
END $$;

-- What Redis must be told about bookings that just changed (those at p_ords), in the notation of
-- settle.lua: seats "no:digit:version,…", areas "no:sold:version,…", buyer "id:sold:version".
CREATE FUNCTION settlements(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_outcome text
) RETURNS TABLE (ord integer, event_id uuid, booking_id uuid, payload jsonb)
LANGUAGE sql STABLE AS $$
  SELECT o, b.event_id, b.booking_id, jsonb_build_object(
    'hold_id', b.hold_id,
    'outcome', p_outcome,
    'seats', coalesce(string_agg(
      s.seat_no || ':' || CASE s.state WHEN 'available' THEN 0 WHEN 'sold' THEN 2 WHEN 'blocked' THEN 3 ELSE 5 END
      || ':' || s.version, ',') FILTER (WHERE s.seat_no IS NOT NULL), ''),
    'areas', coalesce(string_agg(
      a.area_no || ':' || a.sold || ':' || a.version, ',') FILTER (WHERE a.area_no IS NOT NULL), ''),
    'buyer', b.buyer_id || ':' || c.sold || ':' || c.version)
  FROM unnest(p_ords) o
  JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
  JOIN buyer_claims c ON c.event_id = b.event_id AND c.buyer_id = b.buyer_id
  JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
  LEFT JOIN seats s ON s.event_id = i.event_id AND s.seat_no = i.seat_no
  LEFT JOIN areas a ON a.event_id = i.event_id AND a.area_no = i.area_no
  GROUP BY o, b.event_id, b.booking_id, b.hold_id, b.buyer_id, c.sold, c.version
$$;

-- An expired booking's payment arrived after all: take the same places again if all are free and
-- the event still sells. True: the booking is pending again. The caller holds the booking's row.
CREATE FUNCTION retake_booking(p_event_id uuid, p_booking_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v_quantity integer;
  v_buyer uuid;
BEGIN
  -- Once the money is on its way back, the answer stands, whatever has become free since.
  IF EXISTS (SELECT FROM payments p WHERE p.event_id = p_event_id AND p.booking_id = p_booking_id
               AND p.status IN ('refund_pending', 'refunded'))
  THEN RETURN false; END IF;
  SELECT sum(i.quantity), min(b.buyer_id::text)::uuid INTO v_quantity, v_buyer
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE event_id = p_event_id AND booking_id = p_booking_id;
  PERFORM FROM buyer_claims c JOIN events e USING (event_id)
  WHERE c.event_id = p_event_id AND c.buyer_id = v_buyer AND e.status <> 'cancelled'
    AND c.reserved + c.sold + v_quantity <= e.buyer_limit
  FOR UPDATE OF c;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM FROM areas a JOIN booking_items i ON i.event_id = a.event_id AND i.area_no = a.area_no
  WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id ORDER BY a.area_no FOR UPDATE OF a;
  PERFORM FROM seats s JOIN booking_items i ON i.event_id = s.event_id AND i.seat_no = s.seat_no
  WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id ORDER BY s.seat_no FOR UPDATE OF s;
  IF EXISTS (SELECT FROM seats s JOIN booking_items i ON i.event_id = s.event_id AND i.seat_no = s.seat_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id AND s.state <> 'available')
  OR EXISTS (SELECT FROM offer_seats f JOIN booking_items i ON i.event_id = f.event_id AND i.seat_no = f.seat_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id AND f.live)
  OR EXISTS (SELECT FROM areas a JOIN booking_items i ON i.event_id = a.event_id AND i.area_no = a.area_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
               AND a.capacity - a.reserved - a.sold - offered_places(a.event_id, a.area_no, NULL) < i.quantity)
  OR EXISTS (SELECT FROM bookings b JOIN bookings mine ON mine.event_id = b.event_id AND mine.hold_id = b.hold_id
             WHERE mine.event_id = p_event_id AND mine.booking_id = p_booking_id AND b.live)
  THEN RETURN false; END IF;
  UPDATE bookings SET status = 'pending', live = true, expires_at = now(), version = version + 1
  WHERE event_id = p_event_id AND booking_id = p_booking_id;
  UPDATE booking_items SET live = true WHERE event_id = p_event_id AND booking_id = p_booking_id;
  UPDATE seats s SET state = 'reserved', version = s.version + 1, booking_id = p_booking_id
  FROM booking_items i WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
    AND s.event_id = i.event_id AND s.seat_no = i.seat_no;
  UPDATE areas a SET reserved = a.reserved + i.quantity, version = a.version + 1
  FROM booking_items i WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
    AND a.event_id = i.event_id AND a.area_no = i.area_no;
  UPDATE buyer_claims SET reserved = reserved + v_quantity, version = version + 1
  WHERE event_id = p_event_id AND buyer_id = v_buyer;
  RETURN true;
END $$;

-- Moves the places of some bookings between reserved and sold (-1, 0 or +1 each) in the rows that
-- bookings share: claims, then areas, each locked by key, as every other function does.
CREATE FUNCTION move_claims(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_reserved integer, p_sold integer
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH moved AS (
    SELECT b.event_id, b.buyer_id, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
    GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT c.event_id, c.buyer_id, m.quantity
    FROM buyer_claims c JOIN moved m USING (event_id, buyer_id)
    ORDER BY 1, 2 FOR UPDATE OF c
  )
  UPDATE buyer_claims c SET reserved = c.reserved + p_reserved * l.quantity,
    sold = c.sold + p_sold * l.quantity, version = c.version + 1
  FROM locked l
  WHERE c.event_id = l.event_id AND c.buyer_id = l.buyer_id;

  WITH moved AS (
    SELECT i.event_id, i.area_no, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN booking_items i ON i.event_id = p_event_ids[o] AND i.booking_id = p_booking_ids[o]
    WHERE i.area_no IS NOT NULL GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT a.event_id, a.area_no, m.quantity
    FROM areas a JOIN moved m USING (event_id, area_no)
    ORDER BY 1, 2 FOR UPDATE OF a
  )
  UPDATE areas a SET reserved = a.reserved + p_reserved * l.quantity,
    sold = a.sold + p_sold * l.quantity, version = a.version + 1
  FROM locked l
  WHERE a.event_id = l.event_id AND a.area_no = l.area_no;
END $$;

-- Queues one mail about each of some bookings. Where the whole event is cancelled, its buyers are told
-- that and nothing else.
CREATE FUNCTION enqueue_booking_mails(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_kind text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM enqueue_notifications(
    array_agg(CASE WHEN m.is_off THEN 'event-cancelled' ELSE p_kind END),
    array_agg(CASE WHEN m.is_off THEN m.event_id ELSE m.booking_id END::text), array_agg(m.event_id),
    array_agg(m.buyer_id), array_agg(m.email), array_agg(m.name), array_agg(NULL::text),
    array_agg(CASE WHEN m.is_off THEN '{}' ELSE jsonb_build_object('booking_id', m.booking_id) END))
  FROM (
    SELECT b.event_id, b.booking_id, b.buyer_id, b.email, b.name,
           p_kind = 'booking-cancelled' AND e.status = 'cancelled' AS is_off
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN events e ON e.event_id = b.event_id
  ) m;
END $$;

-- The gateway has the money. Outcomes: confirmed (now), already (confirmed before: the same
-- booking), refund-due (it had expired and its places are gone or the event is off: the money goes
-- back), unknown.
CREATE FUNCTION confirm_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_provider_refs text[], p_responses jsonb[], p_actor text
) RETURNS TABLE (ord integer, outcome text, version integer, settlement jsonb, outbox_id uuid)
LANGUAGE plpgsql AS $$
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
        UPDATE bookings b SET note = 'The payment arrived after the seats had gone; it is refunded in full.'
        WHERE b.event_id = r.event_id AND b.booking_id = r.booking_id;
        INSERT INTO outbox (event_id, kind, booking_id) VALUES (r.event_id, 'refund', r.booking_id);
        INSERT INTO audit (event_id, booking_id, action, actor) VALUES (r.event_id, r.booking_id, 'late-payment-refunded', p_actor);
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
    WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.response IS NULL;

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

-- Bookings come to an end and their places return to sale: pending ones as declined or expired,
-- confirmed ones as cancelled (the money then is owed back). p_versions: the version the caller saw,
-- NULL for any. Outcomes: ended; stale (another version); not-due (expired: its time has not come);
-- refused (not in a state that can end so; status tells), unknown.
CREATE FUNCTION end_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_versions integer[], p_to booking_status,
  p_actor text, p_notes text[], p_decline_codes text[], p_responses jsonb[]
) RETURNS TABLE (ord integer, outcome text, status booking_status, version integer,
                 settlement jsonb, outbox_id uuid)
LANGUAGE plpgsql AS $$
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
    WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.response IS NULL;

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

-- Every statement above finds its rows by key. The planner, asked while the tables are small, would
-- scan them, and a plan once cached would go on scanning them when they are large.
DO $$
DECLARE f regproc;
BEGIN
  FOREACH f IN ARRAY ARRAY['reserve_bookings', 'confirm_bookings', 'end_bookings', 'move_claims', 'retake_booking', 'settlements', 'enqueue_booking_mails']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off SET enable_hashjoin = off '
      'SET enable_mergejoin = off SET enable_material = off SET join_collapse_limit = 1 '
      'SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan', f);
  END LOOP;
END $$;

-- migrate:down

DROP FUNCTION end_bookings, confirm_bookings, enqueue_booking_mails, retake_booking, settlements, move_claims, reserve_bookings;
