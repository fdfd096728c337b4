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
-- Name: entry_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.entry_status AS ENUM (
    'waiting',
    'offered',
    'accepted',
    'declined',
    'lapsed',
    'left',
    'dismissed'
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
-- Name: join_command; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.join_command AS (
	event_id uuid,
	entry_id uuid,
	person_id uuid,
	quantity integer,
	together boolean,
	categories smallint[],
	sections smallint[],
	max_amount_minor bigint,
	email text,
	name text,
	language text
);

--
-- Name: mail_claim; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.mail_claim AS (
	event_id uuid,
	notification_id uuid,
	email_key text,
	mailbox text,
	is_booking boolean,
	most integer,
	most_in_all integer
);

--
-- Name: notification_command; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.notification_command AS (
	kind text,
	cause text,
	event_id uuid,
	person_id uuid,
	email text,
	name text,
	language text,
	facts jsonb
);

--
-- Name: notification_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.notification_status AS ENUM (
    'queued',
    'sending',
    'sent',
    'skipped',
    'dead',
    'unknown'
);

--
-- Name: offer_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.offer_status AS ENUM (
    'open',
    'used',
    'declined',
    'expired',
    'withdrawn'
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
-- Name: reserve_area; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.reserve_area AS (
	ord integer,
	area_no integer,
	category_no integer,
	quantity integer,
	amount_minor bigint
);

--
-- Name: reserve_command; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.reserve_command AS (
	ord integer,
	event_id uuid,
	booking_id uuid,
	hold_id uuid,
	buyer_id uuid,
	reference text,
	deadline timestamp with time zone,
	amount_minor bigint,
	email text,
	name text,
	provider text,
	token text,
	key text,
	fingerprint bytea,
	request_id text,
	email_mark uuid,
	card_mark uuid
);

--
-- Name: reserve_seat; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.reserve_seat AS (
	ord integer,
	seat_no integer,
	category_no integer,
	amount_minor bigint
);

--
-- Name: round_offer; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.round_offer AS (
	offer_id uuid,
	entry_id uuid,
	seats integer[],
	areas text,
	quantity integer
);

--
-- Name: round_skip; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.round_skip AS (
	wish_no integer,
	reason text,
	detail text,
	weight integer,
	join_no bigint,
	entry_id uuid
);

--
-- Name: rule_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.rule_status AS ENUM (
    'draft',
    'scheduled',
    'active',
    'retired'
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
-- Name: announce_event(uuid, text, text, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.announce_event(p_event_id uuid, p_kind text, p_cause text, p_facts jsonb) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  WITH concerned AS (
    SELECT buyer_id AS person_id, email, name, NULL::text AS language FROM bookings
    WHERE event_id = p_event_id AND live
    UNION ALL
    SELECT person_id, email, name, language FROM waitlist_entries
    WHERE event_id = p_event_id AND status IN ('waiting', 'offered')
  ), addressed AS (
    SELECT DISTINCT ON (c.person_id, lower(coalesce(c.email, p.email, '')))
           c.person_id, coalesce(c.email, p.email, '') AS email, c.name, c.language
    FROM concerned c LEFT JOIN people p ON p.person_id = c.person_id
    ORDER BY c.person_id, lower(coalesce(c.email, p.email, '')), c.language NULLS LAST
  ), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY lower(email) ORDER BY person_id) AS of_address,
           row_number() OVER (PARTITION BY person_id ORDER BY email = '', email) AS of_person
    FROM addressed
  ), recipients AS (
    SELECT person_id, CASE WHEN of_address = 1 THEN email ELSE '' END AS email, name, language
    FROM numbered WHERE (email <> '' AND of_address = 1) OR of_person = 1
  )
  SELECT enqueue_notifications(array_agg(ROW(
    p_kind, p_cause, p_event_id, person_id, email, nullif(name, ''), language, p_facts)::notification_command))
  FROM recipients
$$;

--
-- Name: answer_keys(uuid[], uuid[], text[], jsonb[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.answer_keys(p_event_ids uuid[], p_buyer_ids uuid[], p_keys text[], p_responses jsonb[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE idempotency_keys k SET response = a.response
  FROM unnest(p_event_ids, p_buyer_ids, p_keys, p_responses) a(event_id, buyer_id, key, response)
  WHERE k.buyer_id = a.buyer_id AND k.key = a.key AND k.event_id = a.event_id AND k.response IS NULL
$$;

--
-- Name: beat_generation(bigint, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.beat_generation(p_counter bigint, p_mark uuid, OUT knows boolean, OUT counter bigint, OUT mark uuid) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  last generations%ROWTYPE;
BEGIN
  IF p_mark IS NOT NULL THEN
    knows := EXISTS (SELECT FROM generations g WHERE g.counter = p_counter AND g.mark = p_mark);
  END IF;
  SELECT * INTO last FROM generations g ORDER BY g.counter DESC LIMIT 1;
  IF last.counter IS NULL OR last.set_at < clock_timestamp() - interval '0.9 seconds'
     -- Not less than: where it was restored into a new server, the numbers begin anew.
     AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint <> last.next_xid THEN
    -- Another worker may be as fast.
    INSERT INTO generations (counter, next_xid)
    VALUES (coalesce(last.counter, 0) + 1, pg_current_xact_id()::text::bigint + 1)
    ON CONFLICT DO NOTHING;
    DELETE FROM generations g WHERE g.counter < last.counter - 10000;
  END IF;
  SELECT g.counter, g.mark INTO beat_generation.counter, beat_generation.mark
  FROM generations g ORDER BY g.counter DESC LIMIT 1;
END;
$$;

--
-- Name: change_entry(uuid, uuid, integer, integer, boolean, jsonb, jsonb, bigint, text, text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.change_entry(p_entry_id uuid, p_person_id uuid, p_version integer, p_quantity integer, p_together boolean, p_categories jsonb, p_sections jsonb, p_max_amount bigint, p_email text, p_name text, p_language text) RETURNS TABLE(outcome text, event_id uuid, weight integer, join_no bigint, version integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
  v_wish integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x
  WHERE x.event_id = change_entry.event_id AND x.entry_id = p_entry_id FOR UPDATE;
  weight := e.weight; join_no := e.join_no; version := e.version;
  IF e.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF e.status <> 'waiting' THEN outcome := 'ended';
  ELSIF e.version <> p_version THEN outcome := 'stale';
  ELSE
    v_wish := wish_of(event_id, p_quantity, p_together,
      (SELECT array_agg(c::smallint ORDER BY c::smallint) FROM jsonb_array_elements_text(p_categories) c),
      (SELECT array_agg(s::smallint ORDER BY s::smallint) FROM jsonb_array_elements_text(p_sections) s), p_max_amount);
    UPDATE waitlist_entries x SET wish_no = v_wish, email = p_email, name = p_name, language = p_language,
      version = x.version + 1, changed_at = clock_timestamp()
    WHERE x.event_id = e.event_id AND x.entry_id = p_entry_id RETURNING x.version INTO version;
    IF v_wish <> e.wish_no THEN
      INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
      VALUES (e.event_id, p_entry_id, 'changed', v_wish, e.weight, e.join_no, 'person', v_round);
    END IF;
    outcome := 'changed';
  END IF;
  RETURN NEXT;
END $$;

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
-- Name: check_pricing_rule(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.check_pricing_rule() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  IF (NEW.rule, NEW.category_no, NEW.rule_no, NEW.made_by, NEW.made_at)
     IS DISTINCT FROM (OLD.rule, OLD.category_no, OLD.rule_no, OLD.made_by, OLD.made_at) THEN
    RAISE EXCEPTION 'pricing rule %: what it says never changes', OLD.rule_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'pricing_rules_immutable_check';
  END IF;
  IF NEW.status < OLD.status THEN
    RAISE EXCEPTION 'pricing rule %: % cannot become %', OLD.rule_id, OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'pricing_rules_transition_check';
  END IF;
  RETURN NEW;
END $$;

--
-- Name: confirm_bookings(uuid[], uuid[], text[], jsonb[], text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.confirm_bookings(p_event_ids uuid[], p_booking_ids uuid[], p_provider_refs text[], p_responses jsonb[], p_actor text, p_late_note text) RETURNS TABLE(ord integer, outcome text, version integer, settlement jsonb, outbox_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
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

--
-- Name: correct_booking(uuid, uuid, integer, text, text, uuid, boolean, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.correct_booking(p_event_id uuid, p_booking_id uuid, p_version integer, p_email text, p_name text, p_email_mark uuid, p_moves boolean, p_actor text) RETURNS TABLE(outcome text, version integer)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  was bookings;
  v_places integer;
BEGIN
  SELECT * INTO was FROM bookings b WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::integer;
    RETURN;
  ELSIF was.version <> p_version THEN
    RETURN QUERY SELECT 'stale', was.version;
    RETURN;
  ELSIF was.email = p_email AND was.name = p_name THEN
    RETURN QUERY SELECT 'unchanged', was.version;
    RETURN;
  END IF;

  UPDATE bookings b SET email = p_email, name = p_name, email_mark = p_email_mark, version = b.version + 1,
    link_generation = CASE WHEN p_moves THEN (b.link_generation + 1) % 32768 ELSE b.link_generation END
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id;

  -- The limit of a mailbox counts what is sold to it. Staff may exceed it.
  IF was.live AND was.email_mark IS DISTINCT FROM p_email_mark THEN
    SELECT sum(i.quantity) INTO v_places FROM booking_items i
    WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id;
    -- In the order of their keys, as every other function changes them.
    INSERT INTO mark_claims AS c (event_id, mark, places)
    SELECT p_event_id, m.mark, greatest(m.places, 0)
    FROM (VALUES (was.email_mark, -v_places), (p_email_mark, v_places)) m(mark, places)
    WHERE m.mark IS NOT NULL ORDER BY m.mark
    ON CONFLICT (event_id, mark) DO UPDATE
      SET places = c.places + CASE c.mark WHEN p_email_mark THEN v_places ELSE -v_places END;
  END IF;

  -- A worker that has such a mail in its hands finds that it lost it before it sends it.
  UPDATE notifications n SET email = p_email, name = p_name, leased_by = NULL, due_at = now(), counted = false,
    held_for = NULL
  WHERE n.event_id = p_event_id AND n.status = 'queued' AND n.person_id = was.buyer_id
    AND n.cause IN (SELECT p_booking_id::text
                    UNION ALL SELECT p_booking_id || ':' || g FROM generate_series(1, was.mails_resent) g);

  INSERT INTO audit (event_id, booking_id, action, actor, details)
  VALUES (p_event_id, p_booking_id, 'corrected', p_actor, jsonb_build_object(
    'before', jsonb_build_object('email', was.email, 'name', was.name),
    'after', jsonb_build_object('email', p_email, 'name', p_name), 'links_ended', p_moves));
  RETURN QUERY SELECT 'corrected', was.version + 1;
END $$;

--
-- Name: end_bookings(uuid[], uuid[], integer[], public.booking_status, text, text[], text[], jsonb[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_bookings(p_event_ids uuid[], p_booking_ids uuid[], p_versions integer[], p_to public.booking_status, p_actor text, p_notes text[], p_decline_codes text[], p_responses jsonb[]) RETURNS TABLE(ord integer, outcome text, status public.booking_status, version integer, settlement jsonb, outbox_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
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

--
-- Name: end_offer(uuid, uuid, public.offer_status, text, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.end_offer(p_offer_id uuid, p_person_id uuid, p_to public.offer_status, p_actor text, p_reason text) RETURNS TABLE(outcome text, event_id uuid, entry_id uuid, person_id uuid, status public.offer_status, hold_expires_at timestamp with time zone, weight integer, join_no bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  f offers%ROWTYPE;
  e waitlist_entries%ROWTYPE;
  v_round integer;
  v_now timestamptz;
BEGIN
  SELECT x.event_id INTO event_id FROM offers x WHERE x.offer_id = p_offer_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  -- The entry first, as leave_waitlist does: two ends of one offer then wait for each other, and no more.
  SELECT w.* INTO e FROM waitlist_entries w JOIN offers x USING (event_id, entry_id)
  WHERE x.event_id = end_offer.event_id AND x.offer_id = p_offer_id FOR UPDATE OF w;
  SELECT x.* INTO f FROM offers x WHERE x.event_id = end_offer.event_id AND x.offer_id = p_offer_id FOR UPDATE;
  entry_id := f.entry_id; person_id := f.person_id; status := f.status;
  hold_expires_at := f.hold_expires_at; weight := e.weight; join_no := e.join_no;
  -- One moment: what is decided to be in time is written down as in time.
  v_now := clock_timestamp();
  IF f.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF f.status = p_to THEN outcome := 'already';
  ELSIF f.status <> 'open' THEN outcome := 'over';
  ELSIF p_to = 'expired' AND f.expires_at > v_now THEN outcome := 'not-due';
  ELSIF p_to IN ('used', 'declined') AND f.expires_at <= v_now THEN
    outcome := 'over'; status := 'expired';
  ELSE
    UPDATE offers x SET status = p_to, ended_at = v_now, reason = p_reason,
      hold_expires_at = CASE p_to WHEN 'used' THEN v_now + make_interval(secs =>
        (SELECT v.hold_ttl_s FROM events v WHERE v.event_id = x.event_id)) END
    WHERE x.event_id = f.event_id AND x.offer_id = p_offer_id
    RETURNING x.hold_expires_at INTO hold_expires_at;
    UPDATE offer_seats s SET live = false WHERE s.event_id = f.event_id AND s.offer_id = p_offer_id;
    UPDATE waitlist_entries x SET version = x.version + 1, changed_at = clock_timestamp(),
      status = CASE p_to WHEN 'used' THEN 'accepted' WHEN 'declined' THEN 'declined'
               WHEN 'expired' THEN 'lapsed' ELSE 'waiting' END::entry_status
    WHERE x.event_id = f.event_id AND x.entry_id = f.entry_id;
    INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, reason, round_no)
    VALUES (f.event_id, f.entry_id, CASE p_to WHEN 'used' THEN 'accepted' WHEN 'declined' THEN 'declined'
            WHEN 'expired' THEN 'lapsed' ELSE 'withdrawn' END, e.wish_no, e.weight, e.join_no, p_actor, p_reason,
            v_round);
    status := p_to; outcome := 'ended';
  END IF;
  RETURN NEXT;
END $$;

--
-- Name: enqueue_booking_mails(uuid[], uuid[], integer[], text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.enqueue_booking_mails(p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_kind text) RETURNS void
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
  PERFORM enqueue_notifications(array_agg(ROW(
    CASE WHEN m.is_off THEN 'event-cancelled' ELSE p_kind END,
    CASE WHEN m.is_off THEN m.event_id ELSE m.booking_id END::text,
    m.event_id, m.buyer_id, m.email, m.name, NULL,
    CASE WHEN m.is_off THEN '{}' ELSE jsonb_build_object('booking_id', m.booking_id) END)::notification_command))
  FROM (
    SELECT b.event_id, b.booking_id, b.buyer_id, b.email, b.name,
           p_kind = 'booking-cancelled' AND e.status = 'cancelled' AS is_off
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN events e ON e.event_id = b.event_id
  ) m;
END $$;

--
-- Name: enqueue_notifications(public.notification_command[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.enqueue_notifications(p_mails public.notification_command[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  made integer;
BEGIN
  WITH asked AS (
    SELECT a.kind, a.cause, a.person_id, a.facts, a.ord,
           coalesce(a.event_id, '00000000-0000-0000-0000-000000000000') AS event_id,
           CASE WHEN coalesce(a.email, p.email) NOT LIKE '%.invalid'
             THEN nullif(coalesce(a.email, p.email), '') END AS email,
           coalesce(a.name, p.name, '') AS name,
           coalesce(a.language, p.language) AS language,
           a.kind IN ('event-changed', 'event-cancelled') AS is_told
    FROM unnest(p_mails) WITH ORDINALITY a(kind, cause, event_id, person_id, email, name, language, facts, ord)
    LEFT JOIN people p ON p.person_id = a.person_id
  )
  INSERT INTO notifications (event_id, kind, cause, person_id, email, name, language, facts, status,
                             reason, ended_at, to_tell)
  SELECT event_id, kind, cause, person_id, email, name, language, coalesce(facts, '{}'),
         CASE WHEN email IS NULL THEN 'skipped' ELSE 'queued' END::notification_status,
         CASE WHEN email IS NULL THEN 'no-address' END,
         CASE WHEN email IS NULL THEN now() END,
         is_told AND row_number() OVER (PARTITION BY kind, cause, person_id ORDER BY ord) = 1
  FROM asked WHERE email IS NOT NULL OR is_told
  ORDER BY event_id, cause, kind, person_id
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END $$;

--
-- Name: forget_settlements(uuid[], uuid[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.forget_settlements(p_event_ids uuid[], p_outbox_ids uuid[]) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  DELETE FROM outbox WHERE event_id = ANY(p_event_ids) AND outbox_id = ANY(p_outbox_ids) AND kind = 'settle'
$$;

--
-- Name: hand_offer_to(uuid, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.hand_offer_to(p_offer_id uuid, p_holder_id uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE offers SET holder_id = p_holder_id WHERE offer_id = p_offer_id AND status = 'used'
$$;

--
-- Name: join_waitlist(public.join_command[], integer, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.join_waitlist(p_joins public.join_command[], p_offer_window_s integer, p_weights jsonb) RETURNS TABLE(ord integer, outcome text, entry_id uuid, same boolean, weight integer, join_no bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  j join_command;
  v_event uuid;
  v_round integer;
  v_wish integer;
  v_tier text;
  v_weight integer;
  v_join bigint;
  v_there waitlist_entries%ROWTYPE;
  joined integer[] := '{}';
BEGIN
  FOR v_event IN SELECT DISTINCT a.event_id FROM unnest(p_joins) a ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock_shared(line_key(v_event));
  END LOOP;
  FOR o IN 1 .. cardinality(p_joins) LOOP
    j := p_joins[o];
    ord := o; entry_id := NULL; same := NULL; weight := NULL; join_no := NULL;
    INSERT INTO waitlists (event_id, offer_window_s)
    SELECT e.event_id, p_offer_window_s FROM events e
    WHERE e.event_id = j.event_id AND e.status <> 'cancelled'
    ON CONFLICT DO NOTHING;
    SELECT w.round_no INTO v_round FROM waitlists w JOIN events e USING (event_id)
    WHERE event_id = j.event_id AND e.status <> 'cancelled';
    IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; CONTINUE; END IF;
    v_wish := wish_of(j.event_id, j.quantity, j.together, j.categories, j.sections, j.max_amount_minor);
    SELECT e.* INTO v_there FROM waitlist_entries e
    WHERE e.event_id = j.event_id AND e.person_id = j.person_id AND e.status IN ('waiting', 'offered');
    IF NOT FOUND THEN
      IF (SELECT w.closed FROM waitlists w WHERE w.event_id = j.event_id) THEN
        outcome := 'closed'; RETURN NEXT; CONTINUE;
      END IF;
      v_tier := coalesce((SELECT p.tier FROM people p WHERE p.person_id = j.person_id), 'regular');
      v_weight := (p_weights ->> v_tier)::integer;
      INSERT INTO waitlist_entries AS e (event_id, entry_id, person_id, wish_no, weight, tier, email, name, language)
      VALUES (j.event_id, j.entry_id, j.person_id, v_wish, v_weight, v_tier, j.email, j.name, j.language)
      ON CONFLICT (event_id, person_id) WHERE status IN ('waiting', 'offered') DO NOTHING
      RETURNING e.join_no INTO v_join;
      IF FOUND THEN
        INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
        VALUES (j.event_id, j.entry_id, 'joined', v_wish, v_weight, v_join, 'person', v_round);
        joined := joined || o;
        outcome := 'joined'; entry_id := j.entry_id; same := true; weight := v_weight; join_no := v_join;
        RETURN NEXT; CONTINUE;
      END IF;
      -- The same person was faster in another request.
      SELECT e.* INTO v_there FROM waitlist_entries e
      WHERE e.event_id = j.event_id AND e.person_id = j.person_id AND e.status IN ('waiting', 'offered');
    END IF;
    outcome := 'there'; entry_id := v_there.entry_id; same := v_there.wish_no = v_wish;
    weight := v_there.weight; join_no := v_there.join_no;
    RETURN NEXT;
  END LOOP;
  PERFORM enqueue_notifications(array_agg(ROW(
    'waitlist-joined', a.entry_id::text, a.event_id, a.person_id, a.email, a.name, a.language,
    jsonb_build_object('entry_id', a.entry_id))::notification_command ORDER BY a.ord))
  FROM unnest(p_joins) WITH ORDINALITY
       a(event_id, entry_id, person_id, quantity, together, categories, sections, max_amount_minor, email, name,
         language, ord)
  WHERE a.ord = ANY (joined) AND a.email IS NOT NULL HAVING count(*) > 0;
END $$;

--
-- Name: leave_waitlist(uuid, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.leave_waitlist(p_entry_id uuid, p_person_id uuid) RETURNS TABLE(outcome text, event_id uuid, offer_id uuid)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x
  WHERE x.event_id = leave_waitlist.event_id AND x.entry_id = p_entry_id FOR UPDATE;
  IF e.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF e.status NOT IN ('waiting', 'offered') THEN outcome := 'already';
  ELSE
    UPDATE offers f SET status = 'declined', ended_at = clock_timestamp()
    WHERE f.event_id = e.event_id AND f.entry_id = p_entry_id AND f.status = 'open'
    RETURNING f.offer_id INTO offer_id;
    UPDATE offer_seats s SET live = false WHERE s.event_id = e.event_id AND s.offer_id = leave_waitlist.offer_id;
    UPDATE waitlist_entries x SET status = 'left', version = x.version + 1, changed_at = clock_timestamp()
    WHERE x.event_id = e.event_id AND x.entry_id = p_entry_id;
    INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
    VALUES (e.event_id, p_entry_id, 'left', e.wish_no, e.weight, e.join_no, 'person', v_round);
    outcome := 'left';
  END IF;
  RETURN NEXT;
END $$;

--
-- Name: line_key(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.line_key(p_event_id uuid) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $$
  SELECT hashtextextended('waitlist:' || p_event_id::text, 0)
$$;

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

--
-- Name: next_epoch(uuid, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.next_epoch(p_event_id uuid, p_seen integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) + 1 WHERE event_id = p_event_id RETURNING epoch
$$;

--
-- Name: note_refund(uuid, uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.note_refund(p_event_id uuid, p_booking_id uuid, p_actor text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  v_amount bigint;
BEGIN
  UPDATE payments SET status = 'refunded', updated_at = now()
  WHERE event_id = p_event_id AND booking_id = p_booking_id AND status = 'refund_pending'
  RETURNING amount_minor INTO v_amount;
  IF FOUND THEN
    INSERT INTO audit (event_id, booking_id, action, actor) VALUES (p_event_id, p_booking_id, 'refunded', p_actor);
    -- Nobody is told that nothing was given back.
    IF v_amount > 0 THEN
      PERFORM enqueue_booking_mails(ARRAY[p_event_id], ARRAY[p_booking_id], ARRAY[1], 'booking-refunded');
    END IF;
  END IF;
END $$;

--
-- Name: offered_places(uuid, integer, uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.offered_places(p_event_id uuid, p_area_no integer, p_but uuid) RETURNS integer
    LANGUAGE sql STABLE
    AS $$
  SELECT coalesce(sum(split_part(part, ':', 2)::integer), 0)::integer
  FROM offers f, unnest(string_to_array(f.areas, ',')) part
  WHERE f.event_id = p_event_id AND f.status = 'open' AND f.areas <> '' AND f.offer_id IS DISTINCT FROM p_but
    AND split_part(part, ':', 1)::integer = p_area_no
$$;

--
-- Name: raise_epoch(uuid, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.raise_epoch(p_event_id uuid, p_seen integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) WHERE event_id = p_event_id RETURNING epoch
$$;

--
-- Name: resend_tickets(uuid, uuid, text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.resend_tickets(p_event_id uuid, p_booking_id uuid, p_actor text) RETURNS TABLE(outcome text, status text, mail_id uuid, email text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  b bookings;
  v_mail_id uuid;
  v_cause text;
BEGIN
  SELECT * INTO b FROM bookings k WHERE k.event_id = p_event_id AND k.booking_id = p_booking_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::text, NULL::uuid, NULL::text;
    RETURN;
  ELSIF b.status <> 'confirmed' THEN
    RETURN QUERY SELECT 'refused', b.status::text, NULL::uuid, NULL::text;
    RETURN;
  END IF;
  SELECT n.notification_id INTO v_mail_id FROM notifications n
  WHERE n.event_id = p_event_id AND n.kind = 'booking-confirmed' AND n.status IN ('queued', 'sending')
    AND n.person_id = b.buyer_id
    AND n.cause IN (SELECT p_booking_id::text
                    UNION ALL SELECT p_booking_id || ':' || g FROM generate_series(1, b.mails_resent) g);
  IF v_mail_id IS NOT NULL THEN
    RETURN QUERY SELECT 'waiting', b.status::text, v_mail_id, b.email;
    RETURN;
  END IF;

  v_cause := p_booking_id || ':' || b.mails_resent + 1;
  IF enqueue_notifications(ARRAY[ROW('booking-confirmed', v_cause, p_event_id, b.buyer_id, b.email, b.name, NULL,
      jsonb_build_object('booking_id', p_booking_id))::notification_command]) = 0 THEN
    RETURN QUERY SELECT 'no-address', b.status::text, NULL::uuid, b.email;
    RETURN;
  END IF;
  UPDATE bookings k SET mails_resent = k.mails_resent + 1
  WHERE k.event_id = p_event_id AND k.booking_id = p_booking_id;
  INSERT INTO audit (event_id, booking_id, action, actor)
  VALUES (p_event_id, p_booking_id, 'tickets-resent', p_actor);
  RETURN QUERY SELECT 'queued', b.status::text, n.notification_id, b.email FROM notifications n
  WHERE n.event_id = p_event_id AND n.cause = v_cause AND n.kind = 'booking-confirmed';
END $$;

--
-- Name: reserve_bookings(public.reserve_command[], public.reserve_seat[], public.reserve_area[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.reserve_bookings(p_commands public.reserve_command[], p_seats public.reserve_seat[], p_areas public.reserve_area[]) RETURNS TABLE(ord integer, outcome text, booking_id uuid, seats integer[], areas integer[], created_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET enable_material TO 'off'
    SET join_collapse_limit TO '1'
    SET from_collapse_limit TO '1'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
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

--
-- Name: return_claims(public.reserve_command[], integer[], text[], integer[], integer[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.return_claims(p_commands public.reserve_command[], p_quantities integer[], p_outcomes text[], p_email_over integer[], p_card_over integer[]) RETURNS void
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
  -- The others lost before anything was counted.
  c_counted CONSTANT text[] := '{hold-booked,seat-unavailable,hold-expired,email-limit-reached,card-limit-reached}';
BEGIN
  UPDATE buyer_claims c SET reserved = c.reserved - p_quantities[a.ord], version = c.version + 1
  FROM unnest(p_commands) a
  WHERE c.event_id = a.event_id AND c.buyer_id = a.buyer_id AND p_outcomes[a.ord] = ANY (c_counted);

  UPDATE mark_claims c SET places = c.places - l.places
  FROM (
    SELECT a.event_id, m.mark, sum(p_quantities[a.ord])::integer AS places
    FROM unnest(p_commands) a CROSS JOIN LATERAL
      (VALUES (a.email_mark, a.ord = ANY (coalesce(p_email_over, '{}'))),
              (a.card_mark, a.ord = ANY (coalesce(p_card_over, '{}')))) m(mark, is_over)
    WHERE NOT m.is_over AND m.mark IS NOT NULL AND p_outcomes[a.ord] = ANY (c_counted)
    GROUP BY 1, 2 ORDER BY 1, 2
  ) l WHERE c.event_id = l.event_id AND c.mark = l.mark;

  DELETE FROM idempotency_keys k USING unnest(p_commands) a
  WHERE k.buyer_id = a.buyer_id AND k.key = a.key AND k.booking_id = a.booking_id
    AND p_outcomes[a.ord] IS NOT NULL;
END $$;

--
-- Name: search_form(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.search_form(p_text text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
SELECT translate(
  regexp_replace(
    normalize(casefold(normalize(p_text, NFKC) COLLATE "pg_unicode_fast"), NFKD),
    '[\u0300-\u036f\u200b-\u200f\u2060\ufeff]', '', 'g'),
  '’‘ʼʻ`´′‐‑‒–—−øłđı', '''''''''''''''------oldi')
$$;

--
-- Name: seat_digit(public.seat_state); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.seat_digit(p_state public.seat_state) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
  SELECT CASE p_state WHEN 'available' THEN 0 WHEN 'sold' THEN 2 WHEN 'blocked' THEN 3 ELSE 5 END
$$;

--
-- Name: seats_lost(uuid, uuid, integer[]); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.seats_lost(p_event_id uuid, p_hold_id uuid, p_seat_nos integer[]) RETURNS integer[]
    LANGUAGE sql STABLE
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
  SELECT ARRAY(
    SELECT w.seat_no FROM unnest(p_seat_nos) w(seat_no)
    LEFT JOIN seats s ON s.event_id = p_event_id AND s.seat_no = w.seat_no
    WHERE s.state IS DISTINCT FROM 'available' OR EXISTS (
      SELECT FROM offer_seats f WHERE f.event_id = p_event_id AND f.seat_no = w.seat_no AND f.live
        AND f.offer_id <> p_hold_id)
    ORDER BY 1)
$$;

--
-- Name: server_sign(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.server_sign(OUT system_id text, OUT timeline integer, OUT started_at text) RETURNS record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
  SELECT (SELECT s.system_identifier::text FROM pg_control_system() s),
    CASE WHEN NOT pg_is_in_recovery() THEN
      ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END,
    to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
$$;

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
      s.seat_no || ':' || seat_digit(s.state) || ':' || s.version, ',') FILTER (WHERE s.seat_no IS NOT NULL), ''),
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

--
-- Name: share_line(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.share_line(p_event_id uuid) RETURNS integer
    LANGUAGE plpgsql
    AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(line_key(p_event_id));
  RETURN (SELECT w.round_no FROM waitlists w WHERE w.event_id = p_event_id);
END $$;

--
-- Name: take_mail_allowances(uuid, public.mail_claim[], integer, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.take_mail_allowances(p_worker uuid, p_mails public.mail_claim[], p_proven_factor integer, p_paid_factor integer) RETURNS TABLE(notification_id uuid, outcome text)
    LANGUAGE plpgsql SECURITY DEFINER
    SET enable_seqscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    SET search_path TO 'public', 'pg_temp'
    AS $$
#variable_conflict use_column
DECLARE
  m record;
  v_today date := (now() AT TIME ZONE 'UTC')::date;
  v_same integer;
  v_all integer;
  v_trust integer;
  v_most integer;
BEGIN
  FOR m IN
    SELECT a.*, n.kind, p.email_key IS NOT NULL AS is_proven,
           n.kind = 'booking-confirmed' AND EXISTS (
             SELECT FROM bookings b
             WHERE b.event_id = n.event_id AND b.booking_id = (n.facts ->> 'booking_id')::uuid
               AND b.amount_minor > 0) AS is_paid
    FROM unnest(p_mails) WITH ORDINALITY
         a(event_id, notification_id, email_key, mailbox, is_booking, most, most_in_all, ord)
    JOIN notifications n ON n.event_id = a.event_id AND n.notification_id = a.notification_id
    LEFT JOIN proven_addresses p ON p.email_key = a.email_key
    WHERE n.status = 'queued' AND n.leased_by = p_worker
    ORDER BY a.mailbox, a.ord
  LOOP
    -- Other workers count for the same mailbox one after the other; in its order, so nobody waits in a ring.
    PERFORM pg_advisory_xact_lock(hashtextextended('mailbox:' || m.mailbox, 0));
    SELECT coalesce(sum(c.mails) FILTER (WHERE c.event_id = m.event_id AND c.kind = m.kind), 0),
           coalesce(sum(c.mails), 0)
    INTO v_same, v_all
    FROM mail_counts c WHERE c.mailbox = m.mailbox AND c.day = v_today AND c.is_booking = m.is_booking;
    v_trust := CASE WHEN m.is_proven THEN p_proven_factor ELSE 1 END;
    v_most := m.most * v_trust * CASE WHEN m.is_paid THEN p_paid_factor ELSE 1 END;
    IF v_same < v_most AND (m.is_paid OR v_all < m.most_in_all * v_trust) THEN
      INSERT INTO mail_counts AS c (mailbox, day, is_booking, event_id, kind, mails)
      VALUES (m.mailbox, v_today, m.is_booking, m.event_id, m.kind, 1)
      ON CONFLICT ON CONSTRAINT mail_counts_pkey DO UPDATE SET mails = c.mails + 1;
      UPDATE notifications n SET counted = true, held_for = NULL
      WHERE n.event_id = m.event_id AND n.notification_id = m.notification_id;
      CONTINUE;
    END IF;
    UPDATE notifications n SET leased_by = NULL, reason = 'enough-for-a-day',
      status = CASE WHEN m.is_booking THEN 'queued' ELSE 'skipped' END::notification_status,
      ended_at = CASE WHEN m.is_booking THEN NULL ELSE now() END,
      -- Named, a proven address would be let go of at once, and held again, all day long.
      held_for = CASE WHEN m.is_booking AND m.is_proven THEN '' WHEN m.is_booking THEN m.email_key END,
      -- Not all of them at midnight.
      due_at = CASE WHEN m.is_booking
        THEN (v_today + 1)::timestamp AT TIME ZONE 'UTC' + random() * interval '1 hour' ELSE n.due_at END
    WHERE n.event_id = m.event_id AND n.notification_id = m.notification_id;
    notification_id := m.notification_id;
    outcome := CASE WHEN m.is_booking THEN 'held' ELSE 'skipped' END;
    RETURN NEXT;
  END LOOP;
END $$;

--
-- Name: wish_of(uuid, integer, boolean, smallint[], smallint[], bigint); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.wish_of(p_event_id uuid, p_quantity integer, p_together boolean, p_categories smallint[], p_sections smallint[], p_max_amount bigint) RETURNS integer
    LANGUAGE plpgsql
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  v_wish integer;
BEGIN
  LOOP
    SELECT w.wish_no INTO v_wish FROM waitlist_wishes w
    WHERE w.event_id = p_event_id AND w.quantity = p_quantity AND w.together = p_together
      AND w.categories IS NOT DISTINCT FROM p_categories AND w.sections IS NOT DISTINCT FROM p_sections
      AND w.max_amount_minor IS NOT DISTINCT FROM p_max_amount;
    IF FOUND THEN RETURN v_wish; END IF;
    INSERT INTO waitlist_wishes (event_id, quantity, together, categories, sections, max_amount_minor)
    VALUES (p_event_id, p_quantity, p_together, p_categories, p_sections, p_max_amount)
    ON CONFLICT DO NOTHING RETURNING wish_no INTO v_wish;
    IF FOUND THEN RETURN v_wish; END IF;
  END LOOP;
END $$;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: accounts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.accounts (
    person_id uuid NOT NULL,
    email_key text,
    password_hash text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    password_at timestamp with time zone DEFAULT now() NOT NULL,
    proven_at timestamp with time zone,
    own_salt boolean DEFAULT false NOT NULL,
    token_version integer DEFAULT 1 NOT NULL,
    tokens_changed_at timestamp with time zone,
    CONSTRAINT accounts_proven_check CHECK (((proven_at IS NULL) OR (email_key IS NOT NULL)))
);

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
    blocked integer DEFAULT 0 NOT NULL,
    CONSTRAINT areas_area_no_check CHECK ((area_no >= 0)),
    CONSTRAINT areas_blocked_check CHECK ((blocked >= 0)),
    CONSTRAINT areas_capacity_check CHECK ((capacity >= 0)),
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
    request_id text NOT NULL,
    note text,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    email_mark uuid,
    card_mark uuid,
    link_generation smallint DEFAULT 0 NOT NULL,
    mails_resent integer DEFAULT 0 NOT NULL,
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
-- Name: generations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.generations (
    counter bigint NOT NULL,
    mark uuid DEFAULT gen_random_uuid() NOT NULL,
    next_xid bigint NOT NULL,
    set_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

--
-- Name: house_salt; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.house_salt (
    is_only boolean DEFAULT true NOT NULL,
    salt bytea NOT NULL,
    CONSTRAINT house_salt_is_only_check CHECK (is_only)
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
-- Name: kept_mails; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.kept_mails (
    event_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    message bytea NOT NULL,
    kept_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: mail_counts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_counts (
    mailbox text NOT NULL,
    day date NOT NULL,
    is_booking boolean NOT NULL,
    event_id uuid NOT NULL,
    kind text NOT NULL,
    mails integer NOT NULL
);

--
-- Name: mail_template_choices; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_template_choices (
    kind text NOT NULL,
    language text NOT NULL,
    choice_no integer NOT NULL,
    version integer NOT NULL,
    actor text NOT NULL,
    chosen_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: mail_templates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_templates (
    kind text NOT NULL,
    language text NOT NULL,
    version integer NOT NULL,
    source text NOT NULL,
    subject text NOT NULL,
    html text NOT NULL,
    text text NOT NULL,
    digest bytea NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT mail_templates_source_check CHECK ((source = ANY (ARRAY['product'::text, 'organiser'::text])))
);

--
-- Name: mark_claims; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mark_claims (
    event_id uuid NOT NULL,
    mark uuid NOT NULL,
    places integer NOT NULL,
    CONSTRAINT mark_claims_places_check CHECK ((places >= 0))
)
WITH (fillfactor='70');

--
-- Name: notification_attempts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notification_attempts (
    event_id uuid NOT NULL,
    notification_id uuid NOT NULL,
    attempt_no integer NOT NULL,
    outcome text NOT NULL,
    reply text,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT notification_attempts_ended_check CHECK (((outcome = 'under-way'::text) = (ended_at IS NULL))),
    CONSTRAINT notification_attempts_outcome_check CHECK ((outcome = ANY (ARRAY['under-way'::text, 'accepted'::text, 'deferred'::text, 'refused'::text, 'unreachable'::text, 'unwritable'::text, 'unknown'::text])))
);

--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    event_id uuid DEFAULT '00000000-0000-0000-0000-000000000000'::uuid NOT NULL,
    notification_id uuid DEFAULT uuidv7() NOT NULL,
    kind text NOT NULL,
    cause text NOT NULL,
    person_id uuid NOT NULL,
    email text,
    name text DEFAULT ''::text NOT NULL,
    language text,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    status public.notification_status DEFAULT 'queued'::public.notification_status NOT NULL,
    to_tell boolean DEFAULT false NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    leased_by uuid,
    attempts integer DEFAULT 0 NOT NULL,
    deferrals integer DEFAULT 0 NOT NULL,
    reason text,
    queued_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    counted boolean DEFAULT false NOT NULL,
    held_for text,
    CONSTRAINT notifications_address_check CHECK (((email IS NOT NULL) OR (status = 'skipped'::public.notification_status))),
    CONSTRAINT notifications_email_check CHECK ((email <> ''::text)),
    CONSTRAINT notifications_ended_check CHECK (((status = ANY (ARRAY['queued'::public.notification_status, 'sending'::public.notification_status])) = (ended_at IS NULL))),
    CONSTRAINT notifications_kind_check CHECK ((kind = ANY (ARRAY['welcome'::text, 'booking-confirmed'::text, 'booking-cancelled'::text, 'booking-refunded'::text, 'booking-links'::text, 'waitlist-joined'::text, 'offer-made'::text, 'offer-expiring'::text, 'event-changed'::text, 'event-cancelled'::text])))
)
WITH (fillfactor='70');

--
-- Name: offer_seats; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.offer_seats (
    event_id uuid NOT NULL,
    offer_id uuid NOT NULL,
    seat_no integer NOT NULL,
    live boolean DEFAULT true NOT NULL
);

--
-- Name: offers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.offers (
    event_id uuid NOT NULL,
    offer_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    person_id uuid NOT NULL,
    round_no integer NOT NULL,
    status public.offer_status DEFAULT 'open'::public.offer_status NOT NULL,
    seats integer[] NOT NULL,
    areas text DEFAULT ''::text NOT NULL,
    quantity integer NOT NULL,
    prices text NOT NULL,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    hold_expires_at timestamp with time zone,
    warned boolean DEFAULT false NOT NULL,
    reason text,
    holder_id uuid,
    CONSTRAINT offers_ended_check CHECK (((status = 'open'::public.offer_status) = (ended_at IS NULL))),
    CONSTRAINT offers_hold_check CHECK (((status = 'used'::public.offer_status) = (hold_expires_at IS NOT NULL))),
    CONSTRAINT offers_holder_check CHECK (((holder_id IS NULL) OR (status = 'used'::public.offer_status))),
    CONSTRAINT offers_quantity_check CHECK ((quantity > 0))
)
WITH (fillfactor='80');

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
-- Name: people; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.people (
    person_id uuid NOT NULL,
    email text,
    name text DEFAULT ''::text NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    tier text DEFAULT 'regular'::text NOT NULL,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    version integer DEFAULT 2 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT people_tier_check CHECK ((tier = ANY (ARRAY['regular'::text, 'premium'::text, 'vip'::text])))
);

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
    inputs jsonb,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

--
-- Name: pricing; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pricing (
    event_id uuid NOT NULL,
    history_public boolean DEFAULT true NOT NULL,
    range_public boolean DEFAULT false NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    looked_at timestamp with time zone
);

--
-- Name: pricing_controls; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pricing_controls (
    event_id uuid NOT NULL,
    category_no smallint NOT NULL,
    mode text,
    until timestamp with time zone,
    reason text NOT NULL,
    actor text NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pricing_controls_mode_check CHECK ((mode = ANY (ARRAY['override'::text, 'frozen'::text]))),
    CONSTRAINT pricing_controls_until_check CHECK (((until IS NULL) OR (mode = 'override'::text)))
);

--
-- Name: pricing_rules; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pricing_rules (
    event_id uuid NOT NULL,
    rule_id uuid NOT NULL,
    category_no smallint NOT NULL,
    rule_no integer NOT NULL,
    rule jsonb NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    made_by text NOT NULL,
    made_at timestamp with time zone DEFAULT now() NOT NULL,
    status public.rule_status DEFAULT 'draft'::public.rule_status NOT NULL,
    valid_from timestamp with time zone,
    activated_at timestamp with time zone,
    retired_at timestamp with time zone,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT pricing_rules_active_check CHECK (((status <> 'active'::public.rule_status) OR (activated_at IS NOT NULL))),
    CONSTRAINT pricing_rules_retired_check CHECK (((status = 'retired'::public.rule_status) = (retired_at IS NOT NULL))),
    CONSTRAINT pricing_rules_rule_no_check CHECK ((rule_no > 0)),
    CONSTRAINT pricing_rules_schedule_check CHECK (
CASE status
    WHEN 'draft'::public.rule_status THEN (valid_from IS NULL)
    WHEN 'scheduled'::public.rule_status THEN (valid_from IS NOT NULL)
    ELSE true
END)
)
WITH (fillfactor='80');

--
-- Name: pricing_velocity; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pricing_velocity (
    event_id uuid NOT NULL,
    category_no smallint NOT NULL,
    taken integer NOT NULL,
    places double precision NOT NULL,
    days double precision NOT NULL,
    measured_at timestamp with time zone NOT NULL
)
WITH (fillfactor='50');

--
-- Name: proven_addresses; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proven_addresses (
    email_key text NOT NULL,
    proven_at timestamp with time zone DEFAULT now() NOT NULL
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
-- Name: schema_functions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_functions (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
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
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    session_id uuid NOT NULL,
    person_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    used_hash bytea,
    seed bytea,
    rotated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['logout'::text, 'reuse'::text, 'password'::text]))),
    CONSTRAINT sessions_ended_check CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT sessions_used_check CHECK (((used_hash IS NULL) = (seed IS NULL)))
)
WITH (fillfactor='80');

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
-- Name: told_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.told_events (
    event_id uuid NOT NULL,
    version integer NOT NULL,
    name text NOT NULL,
    venue text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    timezone text
);

--
-- Name: waitlist_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist_changes (
    event_id uuid NOT NULL,
    change_no bigint NOT NULL,
    entry_id uuid NOT NULL,
    what text NOT NULL,
    wish_no integer NOT NULL,
    weight smallint NOT NULL,
    join_no bigint NOT NULL,
    actor text NOT NULL,
    reason text,
    round_no integer NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT waitlist_changes_what_check CHECK ((what = ANY (ARRAY['joined'::text, 'changed'::text, 'promoted'::text, 'offered'::text, 'accepted'::text, 'declined'::text, 'lapsed'::text, 'left'::text, 'withdrawn'::text, 'dismissed'::text])))
);

--
-- Name: waitlist_changes_change_no_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.waitlist_changes ALTER COLUMN change_no ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.waitlist_changes_change_no_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

--
-- Name: waitlist_join_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.waitlist_join_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: waitlist_entries; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist_entries (
    event_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    person_id uuid NOT NULL,
    wish_no integer NOT NULL,
    weight smallint NOT NULL,
    join_no bigint DEFAULT nextval('public.waitlist_join_seq'::regclass) NOT NULL,
    tier text NOT NULL,
    status public.entry_status DEFAULT 'waiting'::public.entry_status NOT NULL,
    email text,
    name text DEFAULT ''::text NOT NULL,
    language text DEFAULT 'en'::text NOT NULL,
    promoted text,
    version integer DEFAULT 1 NOT NULL,
    joined_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    changed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    link_generation smallint DEFAULT 0 NOT NULL,
    CONSTRAINT waitlist_entries_weight_check CHECK (((weight >= 0) AND (weight <= 1023)))
)
WITH (fillfactor='80');

--
-- Name: waitlist_rounds; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist_rounds (
    event_id uuid NOT NULL,
    round_no integer NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seats integer[] NOT NULL,
    areas jsonb DEFAULT '{}'::jsonb NOT NULL,
    prices bigint[] NOT NULL,
    to_sale integer[] DEFAULT '{}'::integer[] NOT NULL,
    at_limit uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    waiting integer NOT NULL
);

--
-- Name: waitlist_skips; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist_skips (
    event_id uuid NOT NULL,
    round_no integer NOT NULL,
    wish_no integer NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    passed integer NOT NULL,
    entry_id uuid NOT NULL,
    weight smallint NOT NULL,
    join_no bigint NOT NULL
);

--
-- Name: waitlist_wish_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.waitlist_wish_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

--
-- Name: waitlist_wishes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlist_wishes (
    event_id uuid NOT NULL,
    wish_no integer DEFAULT nextval('public.waitlist_wish_seq'::regclass) NOT NULL,
    quantity smallint NOT NULL,
    together boolean NOT NULL,
    categories smallint[],
    sections smallint[],
    max_amount_minor bigint,
    CONSTRAINT waitlist_wishes_categories_check CHECK ((cardinality(categories) > 0)),
    CONSTRAINT waitlist_wishes_max_amount_minor_check CHECK ((max_amount_minor >= 0)),
    CONSTRAINT waitlist_wishes_quantity_check CHECK (((quantity >= 1) AND (quantity <= 100))),
    CONSTRAINT waitlist_wishes_sections_check CHECK ((cardinality(sections) > 0))
);

--
-- Name: waitlists; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.waitlists (
    event_id uuid NOT NULL,
    closed boolean DEFAULT false NOT NULL,
    offer_window_s integer NOT NULL,
    round_no integer DEFAULT 0 NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT waitlists_offer_window_s_check CHECK ((offer_window_s > 0))
);

--
-- Name: accounts accounts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (person_id);

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
-- Name: generations generations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.generations
    ADD CONSTRAINT generations_pkey PRIMARY KEY (counter);

--
-- Name: house_salt house_salt_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.house_salt
    ADD CONSTRAINT house_salt_pkey PRIMARY KEY (is_only);

--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (buyer_id, key, event_id);

--
-- Name: kept_mails kept_mails_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kept_mails
    ADD CONSTRAINT kept_mails_pkey PRIMARY KEY (event_id, notification_id);

--
-- Name: mail_counts mail_counts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_counts
    ADD CONSTRAINT mail_counts_pkey PRIMARY KEY (mailbox, day, is_booking, event_id, kind);

--
-- Name: mail_template_choices mail_template_choices_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_template_choices
    ADD CONSTRAINT mail_template_choices_pkey PRIMARY KEY (kind, language, choice_no);

--
-- Name: mail_templates mail_templates_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_templates
    ADD CONSTRAINT mail_templates_pkey PRIMARY KEY (kind, language, version);

--
-- Name: mark_claims mark_claims_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mark_claims
    ADD CONSTRAINT mark_claims_pkey PRIMARY KEY (event_id, mark);

--
-- Name: notification_attempts notification_attempts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notification_attempts
    ADD CONSTRAINT notification_attempts_pkey PRIMARY KEY (event_id, notification_id, attempt_no);

--
-- Name: notifications notifications_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (event_id, notification_id);

--
-- Name: offer_seats offer_seats_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.offer_seats
    ADD CONSTRAINT offer_seats_pkey PRIMARY KEY (event_id, offer_id, seat_no);

--
-- Name: offers offers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_pkey PRIMARY KEY (event_id, offer_id);

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
-- Name: people people_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (person_id);

--
-- Name: price_changes price_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.price_changes
    ADD CONSTRAINT price_changes_pkey PRIMARY KEY (event_id, category_no, version);

--
-- Name: pricing_controls pricing_controls_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_controls
    ADD CONSTRAINT pricing_controls_pkey PRIMARY KEY (event_id, category_no);

--
-- Name: pricing pricing_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing
    ADD CONSTRAINT pricing_pkey PRIMARY KEY (event_id);

--
-- Name: pricing_rules pricing_rules_event_id_category_no_rule_no_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_rules
    ADD CONSTRAINT pricing_rules_event_id_category_no_rule_no_key UNIQUE (event_id, category_no, rule_no);

--
-- Name: pricing_rules pricing_rules_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_rules
    ADD CONSTRAINT pricing_rules_pkey PRIMARY KEY (event_id, rule_id);

--
-- Name: pricing_velocity pricing_velocity_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_velocity
    ADD CONSTRAINT pricing_velocity_pkey PRIMARY KEY (event_id, category_no);

--
-- Name: proven_addresses proven_addresses_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proven_addresses
    ADD CONSTRAINT proven_addresses_pkey PRIMARY KEY (email_key);

--
-- Name: sandbox_charges sandbox_charges_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sandbox_charges
    ADD CONSTRAINT sandbox_charges_pkey PRIMARY KEY (booking_id);

--
-- Name: schema_functions schema_functions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_functions
    ADD CONSTRAINT schema_functions_pkey PRIMARY KEY (name);

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
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (session_id);

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
-- Name: told_events told_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.told_events
    ADD CONSTRAINT told_events_pkey PRIMARY KEY (event_id);

--
-- Name: waitlist_changes waitlist_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_changes
    ADD CONSTRAINT waitlist_changes_pkey PRIMARY KEY (event_id, change_no);

--
-- Name: waitlist_entries waitlist_entries_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_entries
    ADD CONSTRAINT waitlist_entries_pkey PRIMARY KEY (event_id, entry_id);

--
-- Name: waitlist_rounds waitlist_rounds_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_rounds
    ADD CONSTRAINT waitlist_rounds_pkey PRIMARY KEY (event_id, round_no);

--
-- Name: waitlist_skips waitlist_skips_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_skips
    ADD CONSTRAINT waitlist_skips_pkey PRIMARY KEY (event_id, round_no, wish_no);

--
-- Name: waitlist_wishes waitlist_wishes_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_wishes
    ADD CONSTRAINT waitlist_wishes_key UNIQUE NULLS NOT DISTINCT (event_id, quantity, together, categories, sections, max_amount_minor);

--
-- Name: waitlist_wishes waitlist_wishes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_wishes
    ADD CONSTRAINT waitlist_wishes_pkey PRIMARY KEY (event_id, wish_no);

--
-- Name: waitlists waitlists_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlists
    ADD CONSTRAINT waitlists_pkey PRIMARY KEY (event_id);

--
-- Name: accounts_email_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX accounts_email_idx ON public.accounts USING btree (email_key, password_hash);

--
-- Name: accounts_own_salt_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX accounts_own_salt_idx ON public.accounts USING btree (email_key) WHERE own_salt;

--
-- Name: accounts_proven_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX accounts_proven_key ON public.accounts USING btree (email_key) WHERE (proven_at IS NOT NULL);

--
-- Name: accounts_tokens_changed_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX accounts_tokens_changed_idx ON public.accounts USING btree (tokens_changed_at) WHERE (tokens_changed_at IS NOT NULL);

--
-- Name: booking_items_live_seat_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX booking_items_live_seat_key ON public.booking_items USING btree (event_id, seat_no) WHERE (live AND (seat_no IS NOT NULL));

--
-- Name: bookings_address_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_address_idx ON public.bookings USING btree (lower(email), booking_id);

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
-- Name: bookings_reference_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX bookings_reference_idx ON public.bookings USING btree (reference);

--
-- Name: events_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX events_status_idx ON public.events USING btree (status);

--
-- Name: idempotency_keys_created_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX idempotency_keys_created_idx ON public.idempotency_keys USING brin (created_at);

--
-- Name: kept_mails_kept_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX kept_mails_kept_idx ON public.kept_mails USING btree (kept_at);

--
-- Name: mail_counts_day_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX mail_counts_day_idx ON public.mail_counts USING btree (day);

--
-- Name: mail_templates_product_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX mail_templates_product_key ON public.mail_templates USING btree (kind, language, digest) WHERE (source = 'product'::text);

--
-- Name: notifications_address_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX notifications_address_key ON public.notifications USING btree (event_id, cause, kind, lower(email)) WHERE ((kind = ANY (ARRAY['event-changed'::text, 'event-cancelled'::text])) AND (email IS NOT NULL));

--
-- Name: notifications_cause_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX notifications_cause_key ON public.notifications USING btree (event_id, cause, kind, person_id, (
CASE
    WHEN (kind = ANY (ARRAY['event-changed'::text, 'event-cancelled'::text])) THEN COALESCE(lower(email), ''::text)
    ELSE ''::text
END));

--
-- Name: notifications_failed_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_failed_idx ON public.notifications USING btree (notification_id) WHERE (status = ANY (ARRAY['dead'::public.notification_status, 'unknown'::public.notification_status]));

--
-- Name: notifications_held_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_held_idx ON public.notifications USING btree (held_for) WHERE (held_for IS NOT NULL);

--
-- Name: notifications_notification_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_notification_id_idx ON public.notifications USING btree (notification_id);

--
-- Name: notifications_sending_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_sending_idx ON public.notifications USING btree (due_at) WHERE (status = 'sending'::public.notification_status);

--
-- Name: notifications_to_tell_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_to_tell_idx ON public.notifications USING btree (event_id, notification_id) WHERE to_tell;

--
-- Name: notifications_turn_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_turn_idx ON public.notifications USING btree ((
CASE
    WHEN (kind = ANY (ARRAY['booking-confirmed'::text, 'booking-cancelled'::text, 'booking-refunded'::text, 'offer-made'::text, 'offer-expiring'::text])) THEN 0
    ELSE 1
END), due_at) WHERE (status = 'queued'::public.notification_status);

--
-- Name: notifications_welcome_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX notifications_welcome_idx ON public.notifications USING btree (lower(email), queued_at) WHERE (kind = 'welcome'::text);

--
-- Name: offer_seats_live_seat_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX offer_seats_live_seat_key ON public.offer_seats USING btree (event_id, seat_no) WHERE live;

--
-- Name: offers_areas_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX offers_areas_idx ON public.offers USING btree (event_id) WHERE ((status = 'open'::public.offer_status) AND (areas <> ''::text));

--
-- Name: offers_entry_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX offers_entry_idx ON public.offers USING btree (event_id, entry_id);

--
-- Name: offers_offer_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX offers_offer_id_idx ON public.offers USING btree (offer_id);

--
-- Name: offers_open_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX offers_open_idx ON public.offers USING btree (expires_at) WHERE (status = 'open'::public.offer_status);

--
-- Name: offers_open_person_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX offers_open_person_key ON public.offers USING btree (event_id, person_id) WHERE (status = 'open'::public.offer_status);

--
-- Name: outbox_due_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX outbox_due_idx ON public.outbox USING btree (due_at);

--
-- Name: pricing_rules_active_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX pricing_rules_active_key ON public.pricing_rules USING btree (event_id, category_no) WHERE (status = 'active'::public.rule_status);

--
-- Name: pricing_rules_live_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pricing_rules_live_idx ON public.pricing_rules USING btree (event_id) WHERE (status = ANY (ARRAY['scheduled'::public.rule_status, 'active'::public.rule_status]));

--
-- Name: pricing_rules_scheduled_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pricing_rules_scheduled_idx ON public.pricing_rules USING btree (valid_from) WHERE (status = 'scheduled'::public.rule_status);

--
-- Name: sessions_expires_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_expires_idx ON public.sessions USING btree (expires_at);

--
-- Name: sessions_person_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX sessions_person_idx ON public.sessions USING btree (person_id) WHERE (ended_at IS NULL);

--
-- Name: waitlist_changes_entry_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_changes_entry_idx ON public.waitlist_changes USING btree (event_id, entry_id, change_no);

--
-- Name: waitlist_entries_entry_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_entries_entry_id_idx ON public.waitlist_entries USING btree (entry_id);

--
-- Name: waitlist_entries_join_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_entries_join_idx ON public.waitlist_entries USING btree (event_id, join_no);

--
-- Name: waitlist_entries_line_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_entries_line_idx ON public.waitlist_entries USING btree (event_id, weight DESC, join_no) WHERE (status = 'waiting'::public.entry_status);

--
-- Name: waitlist_entries_person_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_entries_person_idx ON public.waitlist_entries USING btree (person_id, entry_id);

--
-- Name: waitlist_entries_person_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX waitlist_entries_person_key ON public.waitlist_entries USING btree (event_id, person_id) WHERE (status = ANY (ARRAY['waiting'::public.entry_status, 'offered'::public.entry_status]));

--
-- Name: waitlist_entries_wish_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_entries_wish_idx ON public.waitlist_entries USING btree (event_id, wish_no, weight DESC, join_no) WHERE (status = 'waiting'::public.entry_status);

--
-- Name: waitlist_skips_wish_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX waitlist_skips_wish_idx ON public.waitlist_skips USING btree (event_id, wish_no, round_no) INCLUDE (weight, join_no);

--
-- Name: bookings bookings_transition_check; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER bookings_transition_check BEFORE UPDATE OF status ON public.bookings FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION public.check_booking_transition();

--
-- Name: pricing_rules pricing_rules_check; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER pricing_rules_check BEFORE UPDATE ON public.pricing_rules FOR EACH ROW EXECUTE FUNCTION public.check_pricing_rule();

--
-- Name: accounts accounts_person_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.accounts
    ADD CONSTRAINT accounts_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.people(person_id);

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
-- Name: kept_mails kept_mails_event_id_notification_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kept_mails
    ADD CONSTRAINT kept_mails_event_id_notification_id_fkey FOREIGN KEY (event_id, notification_id) REFERENCES public.notifications(event_id, notification_id);

--
-- Name: mail_template_choices mail_template_choices_kind_language_version_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_template_choices
    ADD CONSTRAINT mail_template_choices_kind_language_version_fkey FOREIGN KEY (kind, language, version) REFERENCES public.mail_templates(kind, language, version);

--
-- Name: notification_attempts notification_attempts_event_id_notification_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notification_attempts
    ADD CONSTRAINT notification_attempts_event_id_notification_id_fkey FOREIGN KEY (event_id, notification_id) REFERENCES public.notifications(event_id, notification_id);

--
-- Name: offer_seats offer_seats_event_id_offer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.offer_seats
    ADD CONSTRAINT offer_seats_event_id_offer_id_fkey FOREIGN KEY (event_id, offer_id) REFERENCES public.offers(event_id, offer_id);

--
-- Name: offers offers_event_id_entry_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_event_id_entry_id_fkey FOREIGN KEY (event_id, entry_id) REFERENCES public.waitlist_entries(event_id, entry_id);

--
-- Name: offers offers_event_id_round_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.offers
    ADD CONSTRAINT offers_event_id_round_no_fkey FOREIGN KEY (event_id, round_no) REFERENCES public.waitlist_rounds(event_id, round_no) DEFERRABLE INITIALLY DEFERRED;

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
-- Name: pricing_controls pricing_controls_event_id_category_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_controls
    ADD CONSTRAINT pricing_controls_event_id_category_no_fkey FOREIGN KEY (event_id, category_no) REFERENCES public.categories(event_id, category_no);

--
-- Name: pricing pricing_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing
    ADD CONSTRAINT pricing_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: pricing_rules pricing_rules_event_id_category_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_rules
    ADD CONSTRAINT pricing_rules_event_id_category_no_fkey FOREIGN KEY (event_id, category_no) REFERENCES public.categories(event_id, category_no);

--
-- Name: pricing_rules pricing_rules_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_rules
    ADD CONSTRAINT pricing_rules_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.pricing(event_id);

--
-- Name: pricing_velocity pricing_velocity_event_id_category_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_velocity
    ADD CONSTRAINT pricing_velocity_event_id_category_no_fkey FOREIGN KEY (event_id, category_no) REFERENCES public.categories(event_id, category_no);

--
-- Name: sessions sessions_person_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES public.accounts(person_id);

--
-- Name: tickets tickets_event_id_booking_id_item_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT tickets_event_id_booking_id_item_no_fkey FOREIGN KEY (event_id, booking_id, item_no) REFERENCES public.booking_items(event_id, booking_id, item_no);

--
-- Name: told_events told_events_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.told_events
    ADD CONSTRAINT told_events_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- Name: waitlist_changes waitlist_changes_event_id_entry_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_changes
    ADD CONSTRAINT waitlist_changes_event_id_entry_id_fkey FOREIGN KEY (event_id, entry_id) REFERENCES public.waitlist_entries(event_id, entry_id);

--
-- Name: waitlist_entries waitlist_entries_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_entries
    ADD CONSTRAINT waitlist_entries_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.waitlists(event_id);

--
-- Name: waitlist_entries waitlist_entries_event_id_wish_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_entries
    ADD CONSTRAINT waitlist_entries_event_id_wish_no_fkey FOREIGN KEY (event_id, wish_no) REFERENCES public.waitlist_wishes(event_id, wish_no);

--
-- Name: waitlist_rounds waitlist_rounds_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_rounds
    ADD CONSTRAINT waitlist_rounds_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.waitlists(event_id);

--
-- Name: waitlist_skips waitlist_skips_event_id_round_no_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_skips
    ADD CONSTRAINT waitlist_skips_event_id_round_no_fkey FOREIGN KEY (event_id, round_no) REFERENCES public.waitlist_rounds(event_id, round_no);

--
-- Name: waitlist_wishes waitlist_wishes_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlist_wishes
    ADD CONSTRAINT waitlist_wishes_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.waitlists(event_id);

--
-- Name: waitlists waitlists_event_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.waitlists
    ADD CONSTRAINT waitlists_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(event_id);

--
-- PostgreSQL database dump complete
--

--
-- Dbmate schema migrations
--

INSERT INTO public.schema_migrations (version) VALUES
    ('20261121000001'),
    ('20261121000003'),
    ('20261121000004'),
    ('20261121000005'),
    ('20261121000006'),
    ('20261130000001'),
    ('20261130000010'),
    ('20261130000020'),
    ('20261130000030'),
    ('20261130000040'),
    ('20261130000070'),
    ('20261130000080'),
    ('20261130000090'),
    ('20261201000050'),
    ('20261201000051'),
    ('20261201000070');
