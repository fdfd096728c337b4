-- migrate:up

-- Two buyers may be one: the limit of places per buyer holds for a mailbox and for a card, too, however
-- many tokens somebody has. A mark is the first 16 bytes of a hash (engine.sales.marks).
CREATE TABLE mark_claims (
  event_id uuid NOT NULL,
  mark     uuid NOT NULL,
  -- Reserved and sold.
  places   integer NOT NULL CHECK (places >= 0),
  PRIMARY KEY (event_id, mark)
) WITH (fillfactor = 70);

ALTER TABLE bookings ADD email_mark uuid, ADD card_mark uuid;

-- What was bought before counts too, as far as SQL can say what is one mailbox.
UPDATE bookings b SET email_mark = encode(substr(sha256(
    convert_to('email', 'UTF8') || '\x00'::bytea || convert_to(
      CASE WHEN m.domain IN ('gmail.com', 'googlemail.com') THEN replace(m.box, '.', '') || '@gmail.com'
           ELSE m.box || '@' || m.domain END, 'UTF8')), 1, 16), 'hex')::uuid
FROM (
  SELECT event_id, booking_id, split_part(split_part(address, '@', 1), '+', 1) AS box,
         split_part(address, '@', 2) AS domain
  FROM (SELECT event_id, booking_id, lower(normalize(email, NFKC)) AS address FROM bookings WHERE live) a
) m
WHERE b.event_id = m.event_id AND b.booking_id = m.booking_id;

INSERT INTO mark_claims (event_id, mark, places)
SELECT b.event_id, b.email_mark, sum(i.quantity)
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
WHERE b.live AND b.email_mark IS NOT NULL GROUP BY 1, 2;

DROP FUNCTION reserve_bookings, move_claims, retake_booking;

-- pending bookings for holds. One array entry per booking; items name their booking by its place
-- (1…) in those arrays. Callers put no two bookings that share a seat, a buyer, a key or a mark into
-- one call (engine.sales.ledger keeps them apart); every call locks in the same order: keys, claims, marks, areas, seats, each by key. Outcomes:
-- reserved; duplicate-key, hold-booked (booking_id = the one there), hold-expired, event-closed,
-- limit-reached (of the buyer), email-limit-reached, card-limit-reached, seat-unavailable (seats, areas =
-- what is lost).
CREATE FUNCTION reserve_bookings(
  p_event_ids uuid[], p_booking_ids uuid[], p_hold_ids uuid[], p_buyer_ids uuid[],
  p_references text[], p_deadlines timestamptz[], p_amounts bigint[],
  p_emails text[], p_names text[], p_providers text[], p_tokens text[],
  p_keys text[], p_fingerprints bytea[], p_request_ids text[],
  p_email_marks uuid[], p_card_marks uuid[],
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
  counted uuid[];                 -- marks that have room
  email_over integer[];           -- bookings whose mailbox, or card, has none: not counted there
  card_over integer[];
  too_many integer[] := '{}';
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

  -- The same by mailbox and by card, whoever the buyer is.
  WITH counted AS (
    INSERT INTO mark_claims AS c (event_id, mark, places)
    SELECT p_event_ids[(m.ord - 1) % n + 1], m.mark, quantities[(m.ord - 1) % n + 1]
    FROM unnest(p_email_marks || p_card_marks) WITH ORDINALITY m(mark, ord)
    WHERE m.mark IS NOT NULL AND outcomes[(m.ord - 1) % n + 1] IS NULL ORDER BY 1, 2
    ON CONFLICT (event_id, mark) DO UPDATE SET places = c.places + excluded.places
      WHERE c.places + excluded.places <= (SELECT e.buyer_limit FROM events e WHERE e.event_id = c.event_id)
    RETURNING c.mark
  )
  SELECT array_agg(c.mark) INTO counted FROM counted c;
  IF coalesce(cardinality(counted), 0) < cardinality(array_positions(outcomes, NULL))
    OR cardinality(array_remove(p_card_marks, NULL)) > 0
  THEN
    SELECT array_agg(o) FILTER (WHERE p_email_marks[o] <> ALL (coalesce(counted, '{}'))),
           array_agg(o) FILTER (WHERE p_card_marks[o] <> ALL (coalesce(counted, '{}')))
    INTO email_over, card_over FROM generate_series(1, n) o WHERE outcomes[o] IS NULL;
    -- Said below: that the seats are gone comes first, for then Redis has to be corrected.
    too_many := coalesce(email_over, '{}') || coalesce(card_over, '{}');
  END IF;

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
    ELSIF r.ord <> ALL (too_many) THEN
      given := given || jsonb_build_object(r.area, coalesce((given ->> r.area)::integer, 0) + r.quantity);
    END IF;
  END LOOP;

  FOR r IN SELECT o FROM unnest(too_many) o WHERE outcomes[o] IS NULL LOOP
    outcomes[r.o] := CASE WHEN r.o = ANY (email_over) THEN 'email' ELSE 'card' END || '-limit-reached';
  END LOOP;

  INSERT INTO bookings (event_id, booking_id, hold_id, buyer_id, reference, amount_minor, currency,
                        email, name, expires_at, idempotency_key, request_id, email_mark, card_mark)
  SELECT a.event_id, a.booking_id, a.hold_id, a.buyer_id, a.reference, a.amount, e.currency,
         a.email, a.name, a.deadline, a.key, a.request_id, a.email_mark, a.card_mark
  FROM unnest(p_event_ids, p_booking_ids, p_hold_ids, p_buyer_ids, p_references, p_amounts, p_emails,
              p_names, p_deadlines, p_keys, p_request_ids, p_email_marks, p_card_marks) WITH ORDINALITY
       a(event_id, booking_id, hold_id, buyer_id, reference, amount, email, name, deadline, key, request_id,
         email_mark, card_mark, ord)
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
      AND outcomes[o] IN ('hold-booked', 'seat-unavailable', 'hold-expired', 'email-limit-reached',
        'card-limit-reached');
    UPDATE mark_claims c SET places = c.places - l.places
    FROM (
      SELECT p_event_ids[o] AS event_id, m.mark, sum(quantities[o])::integer AS places
      FROM generate_series(1, n) o CROSS JOIN LATERAL
        (VALUES (p_email_marks[o], o = ANY (coalesce(email_over, '{}'))),
                (p_card_marks[o], o = ANY (coalesce(card_over, '{}')))) m(mark, is_over)
      WHERE NOT m.is_over AND m.mark IS NOT NULL AND outcomes[o] IN ('hold-booked', 'seat-unavailable',
        'hold-expired', 'email-limit-reached', 'card-limit-reached')
      GROUP BY 1, 2 ORDER BY 1, 2
    ) l WHERE c.event_id = l.event_id AND c.mark = l.mark;
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
  PERFORM FROM mark_claims c JOIN bookings b ON b.event_id = c.event_id AND c.mark IN (b.email_mark, b.card_mark)
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id ORDER BY c.mark FOR UPDATE OF c;
  IF EXISTS (SELECT FROM mark_claims c JOIN events e USING (event_id)
             JOIN bookings b ON b.event_id = c.event_id AND c.mark IN (b.email_mark, b.card_mark)
             WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id
               AND c.places + v_quantity > e.buyer_limit)
  THEN RETURN false; END IF;
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
  UPDATE mark_claims c SET places = c.places + v_quantity FROM bookings b
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id
    AND c.event_id = b.event_id AND c.mark IN (b.email_mark, b.card_mark);
  RETURN true;
END $$;

-- Moves the places of some bookings between reserved and sold (-1, 0 or +1 each) in the rows that
-- bookings share: claims, marks (which count both as one), areas, each locked by key, as every other
-- function does.
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

  IF p_reserved + p_sold <> 0 THEN
    WITH moved AS (
      SELECT b.event_id, m.mark, sum(i.quantity)::integer AS quantity
      FROM unnest(p_ords) o
      JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
      JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
      CROSS JOIN LATERAL (VALUES (b.email_mark), (b.card_mark)) m(mark)
      WHERE m.mark IS NOT NULL GROUP BY 1, 2
    ), locked AS MATERIALIZED (
      SELECT c.event_id, c.mark, m.quantity
      FROM mark_claims c JOIN moved m USING (event_id, mark)
      ORDER BY 1, 2 FOR UPDATE OF c
    )
    UPDATE mark_claims c SET places = c.places + (p_reserved + p_sold) * l.quantity
    FROM locked l WHERE c.event_id = l.event_id AND c.mark = l.mark;
  END IF;

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

DO $$
DECLARE f regproc;
BEGIN
  FOREACH f IN ARRAY ARRAY['reserve_bookings', 'move_claims', 'retake_booking']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off SET enable_hashjoin = off '
      'SET enable_mergejoin = off SET enable_material = off SET join_collapse_limit = 1 '
      'SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan', f);
  END LOOP;
END $$;

-- migrate:down

DROP FUNCTION reserve_bookings, move_claims, retake_booking;

ALTER TABLE bookings DROP email_mark, DROP card_mark;
DROP TABLE mark_claims;

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

DO $$
DECLARE f regproc;
BEGIN
  FOREACH f IN ARRAY ARRAY['reserve_bookings', 'move_claims', 'retake_booking']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off SET enable_hashjoin = off '
      'SET enable_mergejoin = off SET enable_material = off SET join_collapse_limit = 1 '
      'SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan', f);
  END LOOP;
END $$;
