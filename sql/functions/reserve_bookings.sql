-- Makes pending bookings for holds: one transaction for any number of commands. A command that cannot be
-- served gets its own outcome and does not affect the others.
--
-- outcome             | why                                                       | and with it
-- --------------------|-----------------------------------------------------------|----------------------------
-- reserved            | seats and places are this booking's until its deadline    | booking_id, created_at
-- duplicate-key       | the buyer has sent this key before                        |
-- event-closed        | the event is cancelled, or unknown                        |
-- limit-reached       | the buyer would have more places than one may             |
-- hold-booked         | this hold has another live booking                        | booking_id: that one's
-- seat-unavailable    | somebody else has a seat, or an area is full              | seats, areas: the lost ones
-- hold-expired        | the deadline has passed, by PostgreSQL's clock            |
-- email-limit-reached | the mailbox would have more places than one buyer may     |
-- card-limit-reached  | the same for the card                                     |
--
-- If several are true, the first in this table is the outcome, except that hold-booked precedes
-- limit-reached. A command that is not reserved leaves nothing behind.
--
-- p_seats and p_areas name their command by its place (ord, from 1). Callers put no two commands that share
-- a seat, a buyer, a key or a mark into one call (engine.sales.ledger keeps them apart), so rows compete only
-- between calls, and every call locks in the same order: keys, claims, marks, areas, seats, each by key.
--
-- Each step compares requested and obtained rows by counting both under one key: a join would compare them
-- pair by pair, because the planner assumes that arrays are short. Every statement finds its rows by key.
-- While the tables are small the planner would choose scans, and a cached plan would still scan them when
-- they are large: hence the settings.
CREATE OR REPLACE FUNCTION reserve_bookings(
  p_commands reserve_command[], p_seats reserve_seat[], p_areas reserve_area[]
) RETURNS TABLE (ord integer, outcome text, booking_id uuid, seats integer[], areas integer[],
                 created_at timestamptz)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  n integer := cardinality(p_commands);
  quantities integer[];          -- places asked for, per command
  outcomes text[] := array_fill(NULL::text, ARRAY[n]);
  existing uuid[] := array_fill(NULL::uuid, ARRAY[n]);
  counted uuid[];                 -- marks that have room
  email_over integer[];           -- commands whose mailbox, or card, has none: not counted there
  card_over integer[];
  too_many integer[] := '{}';
  given jsonb := '{}';            -- places of areas given away in this call
  r record;
BEGIN
  SELECT array_agg(q.quantity ORDER BY q.ord) INTO quantities
  FROM (
    SELECT i.ord, sum(i.quantity)::integer AS quantity FROM (
      SELECT o, 0 FROM generate_series(1, n) o
      UNION ALL SELECT s.ord, 1 FROM unnest(p_seats) s
      UNION ALL SELECT a.ord, a.quantity FROM unnest(p_areas) a
    ) i(ord, quantity) GROUP BY i.ord
  ) q;

  FOR r IN
    WITH asked AS (
      SELECT c.ord, c.buyer_id, c.key, c.fingerprint, c.event_id, c.booking_id FROM unnest(p_commands) c
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
    SELECT a.ord FROM unnest(p_commands) a
    LEFT JOIN events e ON e.event_id = a.event_id
    WHERE outcomes[a.ord] IS NULL AND coalesce(e.status NOT IN ('on_sale', 'paused'), true)
  LOOP outcomes[r.ord] := 'event-closed'; END LOOP;

  -- The claim's row is taken and counted in one step; who turns out a loser gives it back below.
  FOR r IN
    WITH asked AS (
      SELECT a.ord, a.event_id, a.buyer_id, quantities[a.ord] AS quantity, e.buyer_limit
      FROM unnest(p_commands) a
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
      SELECT a.ord, a.event_id, a.buyer_id FROM unnest(p_commands) a WHERE outcomes[a.ord] IS NULL
      UNION ALL SELECT NULL, event_id, buyer_id FROM counted
    ) k GROUP BY k.event_id, k.buyer_id HAVING count(*) = 1
  LOOP outcomes[r.ord] := 'limit-reached'; END LOOP;

  -- The same by mailbox and by card, whoever the buyer is.
  WITH counted AS (
    INSERT INTO mark_claims AS c (event_id, mark, places)
    SELECT a.event_id, m.mark, quantities[a.ord]
    FROM unnest(p_commands) a CROSS JOIN LATERAL (VALUES (a.email_mark), (a.card_mark)) m(mark)
    WHERE m.mark IS NOT NULL AND outcomes[a.ord] IS NULL ORDER BY 1, 2
    ON CONFLICT (event_id, mark) DO UPDATE SET places = c.places + excluded.places
      WHERE c.places + excluded.places <= (SELECT e.buyer_limit FROM events e WHERE e.event_id = c.event_id)
    RETURNING c.mark
  )
  SELECT array_agg(c.mark) INTO counted FROM counted c;
  IF coalesce(cardinality(counted), 0) < cardinality(array_positions(outcomes, NULL))
    OR EXISTS (SELECT FROM unnest(p_commands) a WHERE a.card_mark IS NOT NULL)
  THEN
    SELECT array_agg(a.ord) FILTER (WHERE a.email_mark <> ALL (coalesce(counted, '{}'))),
           array_agg(a.ord) FILTER (WHERE a.card_mark <> ALL (coalesce(counted, '{}')))
    INTO email_over, card_over FROM unnest(p_commands) a WHERE outcomes[a.ord] IS NULL;
    -- Said below: that the seats are gone comes first, for then Redis has to be corrected.
    too_many := coalesce(email_over, '{}') || coalesce(card_over, '{}');
  END IF;

  -- Whoever holds the claim's row sees every earlier booking of the same hold.
  FOR r IN
    SELECT a.ord, b.booking_id FROM unnest(p_commands) a
    JOIN bookings b ON b.event_id = a.event_id AND b.hold_id = a.hold_id AND b.live
    WHERE coalesce(outcomes[a.ord], 'limit-reached') = 'limit-reached'
  LOOP
    outcomes[r.ord] := CASE outcomes[r.ord] WHEN 'limit-reached' THEN 'hold-booked-uncounted'
                       ELSE 'hold-booked' END;
    existing[r.ord] := r.booking_id;
  END LOOP;

  IF cardinality(p_areas) > 0 THEN
    PERFORM FROM areas a
    WHERE (a.event_id, a.area_no) IN (
      SELECT (p_commands[w.ord]).event_id, w.area_no FROM unnest(p_areas) w WHERE outcomes[w.ord] IS NULL)
    ORDER BY a.event_id, a.area_no FOR UPDATE;
  END IF;

  FOR r IN
    WITH wanted AS (
      SELECT w.ord, (p_commands[w.ord]).event_id AS event_id, w.seat_no
      FROM unnest(p_seats) w WHERE outcomes[w.ord] IS NULL
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
    SELECT DISTINCT w.ord FROM unnest(p_seats) w
    JOIN offer_seats f ON f.event_id = (p_commands[w.ord]).event_id AND f.seat_no = w.seat_no AND f.live
    WHERE outcomes[w.ord] IS NULL AND f.offer_id <> (p_commands[w.ord]).hold_id
  LOOP outcomes[r.ord] := 'seat-unavailable'; END LOOP;

  -- By this clock, after every lock: a process that slept through its hold's deadline loses here.
  FOR r IN
    SELECT a.ord FROM unnest(p_commands) a
    WHERE outcomes[a.ord] IS NULL AND a.deadline <= clock_timestamp()
  LOOP outcomes[r.ord] := 'hold-expired'; END LOOP;

  -- In order, and only what is still in the running counts: a loser takes nobody's place with it.
  FOR r IN
    SELECT u.ord, a.event_id || ':' || a.area_no AS area, u.quantity, a.capacity - a.reserved - a.sold
      - offered_places(a.event_id, a.area_no, (p_commands[u.ord]).hold_id) AS free
    FROM unnest(p_areas) u
    LEFT JOIN areas a ON a.event_id = (p_commands[u.ord]).event_id AND a.area_no = u.area_no
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
  SELECT a.event_id, a.booking_id, a.hold_id, a.buyer_id, a.reference, a.amount_minor, e.currency,
         a.email, a.name, a.deadline, a.key, a.request_id, a.email_mark, a.card_mark
  FROM unnest(p_commands) a JOIN events e ON e.event_id = a.event_id
  WHERE outcomes[a.ord] IS NULL;

  INSERT INTO payments (event_id, booking_id, provider, token, amount_minor, currency)
  SELECT a.event_id, a.booking_id, a.provider, a.token, a.amount_minor, e.currency
  FROM unnest(p_commands) a JOIN events e ON e.event_id = a.event_id
  WHERE outcomes[a.ord] IS NULL;

  INSERT INTO booking_items (event_id, booking_id, item_no, seat_no, area_no, category_no, quantity,
                             amount_minor)
  SELECT (p_commands[i.ord]).event_id, (p_commands[i.ord]).booking_id,
         row_number() OVER (PARTITION BY i.ord ORDER BY i.seat_no, i.area_no),
         i.seat_no, i.area_no, i.category_no, i.quantity, i.amount_minor
  FROM (
    SELECT s.ord, s.seat_no, NULL::integer AS area_no, s.category_no, 1 AS quantity, s.amount_minor
    FROM unnest(p_seats) s
    UNION ALL
    SELECT a.ord, NULL, a.area_no, a.category_no, a.quantity, a.amount_minor FROM unnest(p_areas) a
  ) i
  WHERE outcomes[i.ord] IS NULL;

  UPDATE seats s SET state = 'reserved', version = s.version + 1, booking_id = (p_commands[w.ord]).booking_id
  FROM unnest(p_seats) w
  WHERE s.event_id = (p_commands[w.ord]).event_id AND s.seat_no = w.seat_no AND outcomes[w.ord] IS NULL;

  UPDATE areas a SET reserved = a.reserved + w.quantity, version = a.version + 1
  FROM (SELECT (p_commands[u.ord]).event_id AS event_id, u.area_no, sum(u.quantity)::integer AS quantity
        FROM unnest(p_areas) u WHERE outcomes[u.ord] IS NULL GROUP BY 1, 2) w
  WHERE a.event_id = w.event_id AND a.area_no = w.area_no;

  IF cardinality(array_remove(outcomes, NULL)) > 0 THEN
    PERFORM return_claims(p_commands, quantities, outcomes, email_over, card_over);
  END IF;

  RETURN QUERY SELECT o,
    CASE outcomes[o] WHEN 'hold-booked-uncounted' THEN 'hold-booked' ELSE coalesce(outcomes[o], 'reserved') END,
    coalesce(existing[o], (p_commands[o]).booking_id),
    CASE WHEN outcomes[o] = 'seat-unavailable' THEN seats_lost(
      (p_commands[o]).event_id, (p_commands[o]).hold_id,
      ARRAY(SELECT w.seat_no FROM unnest(p_seats) w WHERE w.ord = o)) END,
    CASE WHEN outcomes[o] = 'seat-unavailable' THEN ARRAY(
      SELECT w.area_no FROM unnest(p_areas) w
      LEFT JOIN areas a ON a.event_id = (p_commands[o]).event_id AND a.area_no = w.area_no
      WHERE w.ord = o AND coalesce(a.capacity - a.reserved - a.sold
        - offered_places(a.event_id, a.area_no, (p_commands[o]).hold_id) < w.quantity, true) ORDER BY 1) END,
    now()
  FROM generate_series(1, n) o;
END $$;
