SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: booking_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.booking_status AS ENUM (
    'pending',
    'confirmed',
    'declined',
    'expired',
    'cancelled'
);

--
-- Name: event_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.event_status AS ENUM (
    'on_sale',
    'paused',
    'cancelled'
);

--
-- Name: payment_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.payment_status AS ENUM (
    'initiated',
    'captured',
    'declined',
    'voided',
    'refund_pending',
    'refunded'
);

--
-- Name: seat_state; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.seat_state AS ENUM (
    'available',
    'reserved',
    'sold',
    'blocked'
);

--
-- Name: check_booking_transition(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.check_booking_transition() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF NOT (OLD.status, NEW.status) IN (
    ('pending', 'confirmed'), ('pending', 'declined'), ('pending', 'expired'),
    ('confirmed', 'cancelled'),
    ('expired', 'pending')  -- a payment that came late takes its seats again
  ) THEN
    RAISE EXCEPTION 'booking %: % cannot become %', OLD.booking_id, OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_transition_check';
  END IF;
  RETURN NEW;
END $$;

--
-- Name: confirm_bookings(uuid[], uuid[], text[], jsonb[], text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.confirm_bookings(p_event_ids uuid[], p_booking_ids uuid[], p_provider_refs text[], p_responses jsonb[], p_actor text) RETURNS TABLE(ord integer, outcome text, version integer, settlement jsonb, outbox_id uuid)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
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

--
-- Name: end_bookings(uuid[], uuid[], integer[], public.booking_status, text, text[], text[], jsonb[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_bookings(p_event_ids uuid[], p_booking_ids uuid[], p_versions integer[], p_to public.booking_status, p_actor text, p_notes text[], p_decline_codes text[], p_responses jsonb[]) RETURNS TABLE(ord integer, outcome text, status public.booking_status, version integer, settlement jsonb, outbox_id uuid)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
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
    WHERE k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.response IS NULL;

    INSERT INTO outbox (event_id, kind, booking_id)
    SELECT p_event_ids[w], 'inquire', p_booking_ids[w] FROM unnest(winners) w
    WHERE p_to = 'expired' AND p_decline_codes[w] = 'gateway-unanswered';
    IF p_to = 'cancelled' THEN
      INSERT INTO outbox (event_id, kind, booking_id)
      SELECT p_event_ids[w], 'refund', p_booking_ids[w] FROM unnest(winners) w;
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

--
-- Name: move_claims(uuid[], uuid[], integer[], integer, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.move_claims(p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_reserved integer, p_sold integer) RETURNS void
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
  WITH moved AS (
    SELECT b.event_id, b.buyer_id, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
    GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT c.event_id, c.buyer_id FROM buyer_claims c JOIN moved m USING (event_id, buyer_id)
    ORDER BY 1, 2 FOR UPDATE OF c
  )
  UPDATE buyer_claims c SET reserved = c.reserved + p_reserved * m.quantity,
    sold = c.sold + p_sold * m.quantity, version = c.version + 1
  FROM moved m JOIN locked USING (event_id, buyer_id)
  WHERE c.event_id = m.event_id AND c.buyer_id = m.buyer_id;

  WITH moved AS (
    SELECT i.event_id, i.area_no, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN booking_items i ON i.event_id = p_event_ids[o] AND i.booking_id = p_booking_ids[o]
    WHERE i.area_no IS NOT NULL GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT a.event_id, a.area_no FROM areas a JOIN moved m USING (event_id, area_no)
    ORDER BY 1, 2 FOR UPDATE OF a
  )
  UPDATE areas a SET reserved = a.reserved + p_reserved * m.quantity,
    sold = a.sold + p_sold * m.quantity, version = a.version + 1
  FROM moved m JOIN locked USING (event_id, area_no)
  WHERE a.event_id = m.event_id AND a.area_no = m.area_no;
END $$;

--
-- Name: reserve_bookings(uuid[], uuid[], uuid[], uuid[], text[], timestamp with time zone[], bigint[], text[], text[], text[], text[], text[], bytea[], integer[], integer[], integer[], bigint[], integer[], integer[], integer[], integer[], bigint[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.reserve_bookings(p_event_ids uuid[], p_booking_ids uuid[], p_hold_ids uuid[], p_buyer_ids uuid[], p_references text[], p_deadlines timestamp with time zone[], p_amounts bigint[], p_emails text[], p_names text[], p_providers text[], p_tokens text[], p_keys text[], p_fingerprints bytea[], p_seat_ords integer[], p_seat_nos integer[], p_seat_categories integer[], p_seat_amounts bigint[], p_area_ords integer[], p_area_nos integer[], p_area_categories integer[], p_area_quantities integer[], p_area_amounts bigint[]) RETURNS TABLE(ord integer, outcome text, booking_id uuid, seats integer[], areas integer[], created_at timestamp with time zone)
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
#variable_conflict use_column
DECLARE
  n integer := cardinality(p_booking_ids);
  quantities integer[];          -- places asked for, per booking
  outcomes text[] := array_fill(NULL::text, ARRAY[n]);
  existing uuid[] := array_fill(NULL::uuid, ARRAY[n]);
  winners integer[];
  given jsonb := '{}';            -- places of areas given away in this call
  r record;
BEGIN
  SELECT array_agg(coalesce(q.quantity, 0) ORDER BY o) INTO quantities
  FROM generate_series(1, n) o
  LEFT JOIN (
    SELECT i.ord, sum(i.quantity)::integer AS quantity FROM (
      SELECT s, 1 FROM unnest(p_seat_ords) s
      UNION ALL SELECT a, q FROM unnest(p_area_ords, p_area_quantities) u(a, q)
    ) i(ord, quantity) GROUP BY i.ord
  ) q ON q.ord = o;

  FOR r IN
    WITH asked AS (
      SELECT * FROM unnest(p_buyer_ids, p_keys, p_fingerprints, p_event_ids, p_booking_ids)
        WITH ORDINALITY a(buyer_id, key, fingerprint, event_id, booking_id, ord)
    ), made AS (
      INSERT INTO idempotency_keys (buyer_id, key, fingerprint, event_id, booking_id)
      SELECT buyer_id, key, fingerprint, event_id, booking_id FROM asked ORDER BY buyer_id, key
      ON CONFLICT DO NOTHING RETURNING idempotency_keys.booking_id
    )
    SELECT asked.ord FROM asked LEFT JOIN made USING (booking_id) WHERE made.booking_id IS NULL
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
    SELECT o AS ord FROM generate_series(1, n) o
    WHERE outcomes[o] IS NULL AND NOT EXISTS (
      SELECT FROM counted c WHERE c.event_id = p_event_ids[o] AND c.buyer_id = p_buyer_ids[o])
  LOOP outcomes[r.ord] := 'limit-reached'; END LOOP;
  SELECT array_agg(o) INTO winners FROM generate_series(1, n) o WHERE outcomes[o] IS NULL;

  -- Whoever holds the claim's row sees every earlier booking of the same hold.
  FOR r IN
    SELECT a.ord, b.booking_id FROM unnest(p_event_ids, p_hold_ids) WITH ORDINALITY a(event_id, hold_id, ord)
    JOIN bookings b ON b.event_id = a.event_id AND b.hold_id = a.hold_id AND b.live
    WHERE a.ord = ANY(winners) OR outcomes[a.ord] = 'limit-reached'
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
      SELECT s.event_id, s.seat_no, s.state FROM wanted w
      JOIN seats s ON s.event_id = w.event_id AND s.seat_no = w.seat_no
      ORDER BY s.event_id, s.seat_no FOR UPDATE OF s
    )
    SELECT DISTINCT w.ord FROM wanted w LEFT JOIN locked l USING (event_id, seat_no)
    WHERE l.state IS DISTINCT FROM 'available'
  LOOP outcomes[r.ord] := 'seat-unavailable'; END LOOP;

  -- By this clock, after every lock: a process that slept through its hold's deadline loses here.
  FOR r IN
    SELECT a.ord FROM unnest(p_deadlines) WITH ORDINALITY a(deadline, ord)
    WHERE outcomes[a.ord] IS NULL AND a.deadline <= clock_timestamp()
  LOOP outcomes[r.ord] := 'hold-expired'; END LOOP;

  -- In order, and only what is still in the running counts: a loser takes nobody's place with it.
  FOR r IN
    SELECT u.ord, a.event_id || ':' || a.area_no AS area, u.quantity, a.capacity - a.reserved - a.sold AS free
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

  winners := ARRAY(SELECT o FROM generate_series(1, n) o WHERE outcomes[o] IS NULL);

  INSERT INTO bookings (event_id, booking_id, hold_id, buyer_id, reference, amount_minor, currency,
                        email, name, expires_at, idempotency_key)
  SELECT a.event_id, a.booking_id, a.hold_id, a.buyer_id, a.reference, a.amount, e.currency,
         a.email, a.name, a.deadline, a.key
  FROM unnest(p_event_ids, p_booking_ids, p_hold_ids, p_buyer_ids, p_references, p_amounts, p_emails,
              p_names, p_deadlines, p_keys) WITH ORDINALITY
       a(event_id, booking_id, hold_id, buyer_id, reference, amount, email, name, deadline, key, ord)
  JOIN events e ON e.event_id = a.event_id
  WHERE a.ord = ANY(winners);

  INSERT INTO payments (event_id, booking_id, provider, token, amount_minor, currency)
  SELECT a.event_id, a.booking_id, a.provider, a.token, a.amount, e.currency
  FROM unnest(p_event_ids, p_booking_ids, p_providers, p_tokens, p_amounts) WITH ORDINALITY
       a(event_id, booking_id, provider, token, amount, ord)
  JOIN events e ON e.event_id = a.event_id
  WHERE a.ord = ANY(winners);

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
  WHERE i.ord = ANY(winners);

  UPDATE seats s SET state = 'reserved', version = s.version + 1, booking_id = p_booking_ids[w.ord]
  FROM unnest(p_seat_ords, p_seat_nos) w(ord, seat_no)
  WHERE s.event_id = p_event_ids[w.ord] AND s.seat_no = w.seat_no AND w.ord = ANY(winners);

  UPDATE areas a SET reserved = a.reserved + w.quantity, version = a.version + 1
  FROM (SELECT p_event_ids[u.ord] AS event_id, u.area_no, sum(u.quantity)::integer AS quantity
        FROM unnest(p_area_ords, p_area_nos, p_area_quantities) u(ord, area_no, quantity)
        WHERE u.ord = ANY(winners) GROUP BY 1, 2) w
  WHERE a.event_id = w.event_id AND a.area_no = w.area_no;

  IF cardinality(winners) < n THEN
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
      WHERE w.ord = o AND s.state IS DISTINCT FROM 'available' ORDER BY 1) END,
    CASE WHEN outcomes[o] = 'seat-unavailable' THEN ARRAY(
      SELECT w.area_no FROM unnest(p_area_ords, p_area_nos, p_area_quantities) w(ord, area_no, quantity)
      LEFT JOIN areas a ON a.event_id = p_event_ids[o] AND a.area_no = w.area_no
      WHERE w.ord = o AND coalesce(a.capacity - a.reserved - a.sold < w.quantity, true) ORDER BY 1) END,
    now()
  FROM generate_series(1, n) o;
END $$;

--
-- Name: retake_booking(uuid, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.retake_booking(p_event_id uuid, p_booking_id uuid) RETURNS boolean
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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
  OR EXISTS (SELECT FROM areas a JOIN booking_items i ON i.event_id = a.event_id AND i.area_no = a.area_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
               AND a.capacity - a.reserved - a.sold < i.quantity)
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

--
-- Name: settlements(uuid[], uuid[], integer[], text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.settlements(p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_outcome text) RETURNS TABLE(ord integer, event_id uuid, booking_id uuid, payload jsonb)
    LANGUAGE sql STABLE
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: areas; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.areas (
    event_id uuid NOT NULL,
    area_no smallint NOT NULL,
    category_no smallint NOT NULL,
    capacity integer NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT areas_area_no_check CHECK ((area_no >= 0)),
    CONSTRAINT areas_capacity_check CHECK ((capacity > 0)),
    CONSTRAINT areas_never_oversold_check CHECK (((reserved + sold) <= capacity)),
    CONSTRAINT areas_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT areas_sold_check CHECK ((sold >= 0))
)
WITH (fillfactor='50');

--
-- Name: audit; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit (
    event_id uuid NOT NULL,
    audit_id uuid DEFAULT uuidv7() NOT NULL,
    booking_id uuid,
    action text NOT NULL,
    actor text NOT NULL,
    details jsonb DEFAULT '{}'::jsonb NOT NULL
);

--
-- Name: booking_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.booking_items (
    event_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    item_no smallint NOT NULL,
    seat_no integer,
    area_no smallint,
    category_no smallint NOT NULL,
    quantity integer DEFAULT 1 NOT NULL,
    amount_minor bigint NOT NULL,
    live boolean DEFAULT true NOT NULL,
    CONSTRAINT booking_items_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT booking_items_place_check CHECK (((seat_no IS NULL) <> (area_no IS NULL))),
    CONSTRAINT booking_items_quantity_check CHECK ((quantity > 0)),
    CONSTRAINT booking_items_seat_quantity_check CHECK (((seat_no IS NULL) OR (quantity = 1)))
);

--
-- Name: bookings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.bookings (
    event_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    hold_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    reference text NOT NULL,
    status public.booking_status DEFAULT 'pending'::public.booking_status NOT NULL,
    live boolean DEFAULT true NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    idempotency_key text NOT NULL,
    note text,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT bookings_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT bookings_expiry_check CHECK (((status = 'pending'::public.booking_status) = (expires_at IS NOT NULL))),
    CONSTRAINT bookings_live_check CHECK ((live = (status = ANY (ARRAY['pending'::public.booking_status, 'confirmed'::public.booking_status]))))
)
WITH (fillfactor='80');

--
-- Name: buyer_claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.buyer_claims (
    event_id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    reserved integer DEFAULT 0 NOT NULL,
    sold integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT buyer_claims_reserved_check CHECK ((reserved >= 0)),
    CONSTRAINT buyer_claims_sold_check CHECK ((sold >= 0))
)
WITH (fillfactor='70');

--
-- Name: categories; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.categories (
    event_id uuid NOT NULL,
    category_no smallint NOT NULL,
    name text NOT NULL,
    amount_minor bigint NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT categories_amount_minor_check CHECK ((amount_minor >= 0)),
    CONSTRAINT categories_category_no_check CHECK (((category_no >= 0) AND (category_no <= 254)))
);

--
-- Name: events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.events (
    event_id uuid NOT NULL,
    status public.event_status DEFAULT 'on_sale'::public.event_status NOT NULL,
    currency text NOT NULL,
    seat_count integer NOT NULL,
    buyer_limit integer NOT NULL,
    hold_ttl_s integer NOT NULL,
    hold_max_s integer NOT NULL,
    payment_window_s integer NOT NULL,
    epoch integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT events_buyer_limit_check CHECK ((buyer_limit > 0)),
    CONSTRAINT events_check CHECK ((hold_max_s >= hold_ttl_s)),
    CONSTRAINT events_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT events_hold_ttl_s_check CHECK ((hold_ttl_s > 0)),
    CONSTRAINT events_payment_window_s_check CHECK ((payment_window_s > 0)),
    CONSTRAINT events_seat_count_check CHECK ((seat_count >= 0))
);

--
-- Name: idempotency_keys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.idempotency_keys (
    buyer_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    event_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    response jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (((length(key) >= 1) AND (length(key) <= 255)))
)
WITH (fillfactor='70');

--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    event_id uuid NOT NULL,
    outbox_id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    booking_id uuid NOT NULL,
    payload jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    CONSTRAINT outbox_kind_check CHECK ((kind = ANY (ARRAY['settle'::text, 'refund'::text, 'inquire'::text])))
);

--
-- Name: payments; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.payments (
    event_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    provider text NOT NULL,
    token text NOT NULL,
    status public.payment_status DEFAULT 'initiated'::public.payment_status NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    provider_ref text,
    decline_code text,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT payments_amount_minor_check CHECK ((amount_minor >= 0))
)
WITH (fillfactor='80');

--
-- Name: price_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.price_changes (
    event_id uuid NOT NULL,
    category_no smallint NOT NULL,
    version integer NOT NULL,
    old_amount_minor bigint,
    new_amount_minor bigint NOT NULL,
    reason text NOT NULL,
    actor text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: sandbox_charges; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sandbox_charges (
    booking_id uuid NOT NULL,
    token text NOT NULL,
    status text NOT NULL,
    decline_code text,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT sandbox_charges_check CHECK (((refunded_minor >= 0) AND (refunded_minor <= amount_minor))),
    CONSTRAINT sandbox_charges_status_check CHECK ((status = ANY (ARRAY['captured'::text, 'declined'::text, 'requires_action'::text, 'voided'::text])))
);

--
-- Name: schema_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_migrations (
    version character varying NOT NULL
);

--
-- Name: seats; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.seats (
    event_id uuid NOT NULL,
    seat_no integer NOT NULL,
    category_no smallint NOT NULL,
    state public.seat_state DEFAULT 'available'::public.seat_state NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    booking_id uuid,
    CONSTRAINT seats_owner_check CHECK (((state = ANY (ARRAY['reserved'::public.seat_state, 'sold'::public.seat_state])) = (booking_id IS NOT NULL))),
    CONSTRAINT seats_seat_no_check CHECK ((seat_no >= 0))
)
WITH (fillfactor='60');

--
-- Name: tickets; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.tickets (
    event_id uuid NOT NULL,
    ticket_id uuid DEFAULT uuidv7() NOT NULL,
    booking_id uuid NOT NULL,
    item_no smallint NOT NULL,
    place_no integer NOT NULL,
    code uuid DEFAULT gen_random_uuid() NOT NULL,
    void boolean DEFAULT false NOT NULL
);

--
-- Name: areas areas_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.areas
    ADD CONSTRAINT areas_pkey PRIMARY KEY (event_id, area_no);

--
-- Name: audit audit_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (event_id, audit_id);

--
-- Name: booking_items booking_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking_items
    ADD CONSTRAINT booking_items_pkey PRIMARY KEY (event_id, booking_id, item_no);

--
-- Name: bookings bookings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_pkey PRIMARY KEY (event_id, booking_id);

--
-- Name: buyer_claims buyer_claims_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.buyer_claims
    ADD CONSTRAINT buyer_claims_pkey PRIMARY KEY (event_id, buyer_id);

--
-- Name: categories categories_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.categories
    ADD CONSTRAINT categories_pkey PRIMARY KEY (event_id, category_no);

--
-- Name: events events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (event_id);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (buyer_id, key);

--
-- Name: outbox outbox_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (event_id, outbox_id);

--
-- Name: payments payments_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (event_id, booking_id);

--
-- Name: price_changes price_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price_changes
    ADD CONSTRAINT price_changes_pkey PRIMARY KEY (event_id, category_no, version);

--
-- Name: sandbox_charges sandbox_charges_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_charges
    ADD CONSTRAINT sandbox_charges_pkey PRIMARY KEY (booking_id);

--
-- Name: schema_migrations schema_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

--
-- Name: seats seats_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seats
    ADD CONSTRAINT seats_pkey PRIMARY KEY (event_id, seat_no);

--
-- Name: tickets tickets_event_id_booking_id_item_no_place_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_event_id_booking_id_item_no_place_no_key UNIQUE (event_id, booking_id, item_no, place_no);

--
-- Name: tickets tickets_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_pkey PRIMARY KEY (event_id, ticket_id);

--
-- Name: booking_items_live_seat_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX booking_items_live_seat_key ON public.booking_items USING btree (event_id, seat_no) WHERE (live AND (seat_no IS NOT NULL));

--
-- Name: bookings_booking_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_booking_id_idx ON public.bookings USING btree (booking_id);

--
-- Name: bookings_buyer_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_buyer_idx ON public.bookings USING btree (buyer_id, booking_id);

--
-- Name: bookings_live_hold_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX bookings_live_hold_key ON public.bookings USING btree (event_id, hold_id) WHERE live;

--
-- Name: bookings_pending_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_pending_idx ON public.bookings USING btree (expires_at) WHERE (status = 'pending'::public.booking_status);

--
-- Name: events_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_status_idx ON public.events USING btree (status);

--
-- Name: idempotency_keys_created_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_created_idx ON public.idempotency_keys USING brin (created_at);

--
-- Name: outbox_due_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_due_idx ON public.outbox USING btree (due_at);

--
-- Name: bookings bookings_transition_check; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bookings_transition_check BEFORE UPDATE OF status ON public.bookings FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.check_booking_transition();

--
-- Name: areas areas_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.areas
    ADD CONSTRAINT areas_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: booking_items booking_items_event_id_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.booking_items
    ADD CONSTRAINT booking_items_event_id_booking_id_fkey FOREIGN KEY (event_id, booking_id) REFERENCES public.bookings(event_id, booking_id);

--
-- Name: bookings bookings_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.bookings
    ADD CONSTRAINT bookings_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: buyer_claims buyer_claims_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.buyer_claims
    ADD CONSTRAINT buyer_claims_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: categories categories_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.categories
    ADD CONSTRAINT categories_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: payments payments_event_id_booking_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_event_id_booking_id_fkey FOREIGN KEY (event_id, booking_id) REFERENCES public.bookings(event_id, booking_id);

--
-- Name: price_changes price_changes_event_id_category_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price_changes
    ADD CONSTRAINT price_changes_event_id_category_no_fkey FOREIGN KEY (event_id, category_no) REFERENCES public.categories(event_id, category_no);

--
-- Name: tickets tickets_event_id_booking_id_item_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_event_id_booking_id_item_no_fkey FOREIGN KEY (event_id, booking_id, item_no) REFERENCES public.booking_items(event_id, booking_id, item_no);

--
-- PostgreSQL database dump complete
--

--
-- Dbmate schema migrations
--

INSERT INTO public.schema_migrations (version) VALUES
    ('20261121000001'),
    ('20261121000002');
