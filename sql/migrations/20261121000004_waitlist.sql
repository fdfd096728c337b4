-- migrate:up

CREATE TYPE entry_status AS ENUM (
  'waiting',   -- in line
  'offered',   -- seats are kept for this person; the open offer says which and until when
  'accepted',  -- took the offer: from there on an ordinary hold
  'declined',  -- said no to the offer
  'lapsed',    -- did not answer the offer in time
  'left',      -- gave up the place
  'dismissed'  -- the organiser ended the list, or the event is cancelled
);

CREATE TYPE offer_status AS ENUM (
  'open',      -- the seats are kept for this person
  'used',      -- accepted: they are held, under the offer's id
  'declined',  -- by the person
  'expired',   -- its time was over
  'withdrawn'  -- by the organiser, or because the event is cancelled
);

-- One row per event that anybody has ever waited for.
CREATE TABLE waitlists (
  event_id       uuid PRIMARY KEY REFERENCES events,
  closed         boolean NOT NULL DEFAULT false,  -- nobody joins any more; who waits is still served
  offer_window_s integer NOT NULL CHECK (offer_window_s > 0),
  round_no       integer NOT NULL DEFAULT 0,
  version        integer NOT NULL DEFAULT 1
);

CREATE SEQUENCE waitlist_join_seq;
CREATE SEQUENCE waitlist_wish_seq AS integer;

-- Equal wishes are one wish: the line is matched wish by wish, not person by person.
CREATE TABLE waitlist_wishes (
  event_id         uuid NOT NULL REFERENCES waitlists,
  wish_no          integer NOT NULL DEFAULT nextval('waitlist_wish_seq'),
  quantity         smallint NOT NULL CHECK (quantity BETWEEN 1 AND 100),
  together         boolean NOT NULL,
  -- Category and section numbers, ascending; NULL: any will do.
  categories       smallint[] CHECK (cardinality(categories) > 0),
  sections         smallint[] CHECK (cardinality(sections) > 0),
  max_amount_minor bigint CHECK (max_amount_minor >= 0),  -- of one place; NULL: whatever it costs
  PRIMARY KEY (event_id, wish_no),
  CONSTRAINT waitlist_wishes_key UNIQUE NULLS NOT DISTINCT
    (event_id, quantity, together, categories, sections, max_amount_minor)
);

CREATE TABLE waitlist_entries (
  event_id     uuid NOT NULL REFERENCES waitlists,
  entry_id     uuid NOT NULL,
  person_id    uuid NOT NULL,
  wish_no      integer NOT NULL,
  -- The line's order: weight descending, then join_no. Never renumbered.
  weight       smallint NOT NULL CHECK (weight BETWEEN 0 AND 1023),
  join_no      bigint NOT NULL DEFAULT nextval('waitlist_join_seq'),
  tier         text NOT NULL,
  status       entry_status NOT NULL DEFAULT 'waiting',
  email        text,  -- NULL: told on the page only
  name         text NOT NULL DEFAULT '',
  language     text NOT NULL DEFAULT 'en',
  -- Why the organiser moved this person to the head of the line.
  promoted     text,
  version      integer NOT NULL DEFAULT 1,
  joined_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (event_id, entry_id),
  FOREIGN KEY (event_id, wish_no) REFERENCES waitlist_wishes
) WITH (fillfactor = 80);
-- One entry per person and event.
CREATE UNIQUE INDEX waitlist_entries_person_key ON waitlist_entries (event_id, person_id)
  WHERE status IN ('waiting', 'offered');
CREATE INDEX waitlist_entries_line_idx ON waitlist_entries (event_id, weight DESC, join_no)
  WHERE status = 'waiting';
CREATE INDEX waitlist_entries_wish_idx ON waitlist_entries (event_id, wish_no, weight DESC, join_no)
  WHERE status = 'waiting';
CREATE INDEX waitlist_entries_join_idx ON waitlist_entries (event_id, join_no);
CREATE INDEX waitlist_entries_entry_id_idx ON waitlist_entries (entry_id);
CREATE INDEX waitlist_entries_person_idx ON waitlist_entries (person_id, entry_id);

-- What happened to the line, in the order in which it happened: from this alone a stranger can replay
-- who was in line when, and check every round. Rows are written under the line's lock, shared or not.
CREATE TABLE waitlist_changes (
  event_id   uuid NOT NULL,
  change_no  bigint GENERATED ALWAYS AS IDENTITY,
  entry_id   uuid NOT NULL,
  what       text NOT NULL CHECK (what IN (
    'joined', 'changed', 'promoted', 'offered', 'accepted', 'declined', 'lapsed', 'left', 'withdrawn', 'dismissed')),
  wish_no    integer NOT NULL,
  weight     smallint NOT NULL,
  join_no    bigint NOT NULL,
  actor      text NOT NULL,
  reason     text,
  -- The latest round that had ended when this was written: the next one sees it.
  round_no   integer NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (event_id, change_no),
  FOREIGN KEY (event_id, entry_id) REFERENCES waitlist_entries
);
-- What became of one entry.
CREATE INDEX waitlist_changes_entry_idx ON waitlist_changes (event_id, entry_id, change_no);

-- A round of matching that found anything to do.
CREATE TABLE waitlist_rounds (
  event_id uuid NOT NULL REFERENCES waitlists,
  round_no integer NOT NULL,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- What could be given: seats that came back and seats on sale that somebody in line would take;
  -- areas likewise, area_no → places. Prices: minor units by category number.
  seats    integer[] NOT NULL,
  areas    jsonb NOT NULL DEFAULT '{}',
  prices   bigint[] NOT NULL,
  -- What came back and nobody in line would take: on sale from here on.
  to_sale  integer[] NOT NULL DEFAULT '{}',
  -- Whom the per-buyer limit kept from an offer in this round.
  at_limit uuid[] NOT NULL DEFAULT '{}',
  waiting  integer NOT NULL,
  PRIMARY KEY (event_id, round_no)
);

CREATE TABLE offers (
  event_id        uuid NOT NULL,
  offer_id        uuid NOT NULL,  -- and of the hold that it becomes
  entry_id        uuid NOT NULL,
  person_id       uuid NOT NULL,
  round_no        integer NOT NULL,
  status          offer_status NOT NULL DEFAULT 'open',
  seats           integer[] NOT NULL,
  areas           text NOT NULL DEFAULT '',  -- "0:2,1:1", area_no:places
  quantity        integer NOT NULL CHECK (quantity > 0),
  prices          text NOT NULL,             -- the price list in force, minor units by category number
  made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at      timestamptz NOT NULL,
  ended_at        timestamptz,
  -- Of a used one: the deadline of the hold that it became.
  hold_expires_at timestamptz,
  warned          boolean NOT NULL DEFAULT false,
  reason          text,
  PRIMARY KEY (event_id, offer_id),
  FOREIGN KEY (event_id, entry_id) REFERENCES waitlist_entries,
  FOREIGN KEY (event_id, round_no) REFERENCES waitlist_rounds DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT offers_ended_check CHECK ((status = 'open') = (ended_at IS NULL)),
  CONSTRAINT offers_hold_check CHECK ((status = 'used') = (hold_expires_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX offers_open_person_key ON offers (event_id, person_id) WHERE status = 'open';
CREATE INDEX offers_offer_id_idx ON offers (offer_id);
CREATE INDEX offers_entry_idx ON offers (event_id, entry_id);
CREATE INDEX offers_open_idx ON offers (expires_at) WHERE status = 'open';
CREATE INDEX offers_areas_idx ON offers (event_id) WHERE status = 'open' AND areas <> '';

-- Places of an area that are kept for people in line, those of one offer (NULL: none) left out.
CREATE FUNCTION offered_places(p_event_id uuid, p_area_no integer, p_but uuid) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(split_part(part, ':', 2)::integer), 0)::integer
  FROM offers f, unnest(string_to_array(f.areas, ',')) part
  WHERE f.event_id = p_event_id AND f.status = 'open' AND f.areas <> '' AND f.offer_id IS DISTINCT FROM p_but
    AND split_part(part, ':', 1)::integer = p_area_no
$$;

-- Two workers never offer the same seat, whatever they believe.
CREATE TABLE offer_seats (
  event_id uuid NOT NULL,
  offer_id uuid NOT NULL,
  seat_no  integer NOT NULL,
  live     boolean NOT NULL DEFAULT true,
  PRIMARY KEY (event_id, offer_id, seat_no),
  FOREIGN KEY (event_id, offer_id) REFERENCES offers
);
CREATE UNIQUE INDEX offer_seats_live_seat_key ON offer_seats (event_id, seat_no) WHERE live;

-- Whoever was passed over in a round: all of one wish who stood ahead of the last one served.
CREATE TABLE waitlist_skips (
  event_id   uuid NOT NULL,
  round_no   integer NOT NULL,
  wish_no    integer NOT NULL,
  reason     text NOT NULL,    -- a code of docs/waitlist.md
  detail     text NOT NULL,    -- the same in words
  passed     integer NOT NULL, -- how many entries
  entry_id   uuid NOT NULL,    -- the first of them
  -- They stood ahead of this place.
  weight     smallint NOT NULL,
  join_no    bigint NOT NULL,
  PRIMARY KEY (event_id, round_no, wish_no),
  FOREIGN KEY (event_id, round_no) REFERENCES waitlist_rounds
);
-- How often somebody was passed over.
CREATE INDEX waitlist_skips_wish_idx ON waitlist_skips (event_id, wish_no, round_no) INCLUDE (weight, join_no);

-- The line's lock, until the transaction ends: a round of matching has it alone, whoever changes the line
-- shares it, so the line stands still while a round looks at it, and a rebuild of Redis waits for the
-- round. Advisory, because those queue in order: a stream of people joining cannot keep a round waiting.
CREATE FUNCTION line_key(p_event_id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN hashtextextended('waitlist:' || p_event_id::text, 0);

-- Shares the lock; returns the number of the latest round.
CREATE FUNCTION share_line(p_event_id uuid) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(line_key(p_event_id));
  RETURN (SELECT w.round_no FROM waitlists w WHERE w.event_id = p_event_id);
END $$;

-- People take their places, in the order of the arrays. Outcomes: joined; there (in line already: entry_id
-- is the one there, same tells whether it wants the same); closed; unknown (no such event on sale).
CREATE FUNCTION join_waitlist(
  p_event_ids uuid[], p_entry_ids uuid[], p_person_ids uuid[], p_quantities integer[],
  p_togethers boolean[], p_categories jsonb[], p_sections jsonb[], p_max_amounts bigint[],
  p_emails text[], p_names text[], p_languages text[], p_windows integer[], p_weights jsonb
) RETURNS TABLE (ord integer, outcome text, entry_id uuid, same boolean, weight integer, join_no bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  o integer;
  v_event uuid;
  v_round integer;
  v_wish integer;
  v_tier text;
  v_weight integer;
  v_join bigint;
  v_there waitlist_entries%ROWTYPE;
  v_categories smallint[];
  v_sections smallint[];
  joined integer[] := '{}';
BEGIN
  FOR v_event IN SELECT DISTINCT e FROM unnest(p_event_ids) e ORDER BY e LOOP
    PERFORM pg_advisory_xact_lock_shared(line_key(v_event));
  END LOOP;
  FOR o IN 1 .. cardinality(p_event_ids) LOOP
    ord := o; entry_id := NULL; same := NULL; weight := NULL; join_no := NULL;
    INSERT INTO waitlists (event_id, offer_window_s)
    SELECT e.event_id, p_windows[o] FROM events e
    WHERE e.event_id = p_event_ids[o] AND e.status <> 'cancelled'
    ON CONFLICT DO NOTHING;
    SELECT w.round_no INTO v_round FROM waitlists w JOIN events e USING (event_id)
    WHERE event_id = p_event_ids[o] AND e.status <> 'cancelled';
    IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; CONTINUE; END IF;
    SELECT array_agg(c::smallint ORDER BY c::smallint) INTO v_categories FROM jsonb_array_elements_text(p_categories[o]) c;
    SELECT array_agg(s::smallint ORDER BY s::smallint) INTO v_sections FROM jsonb_array_elements_text(p_sections[o]) s;
    v_wish := wish_of(p_event_ids[o], p_quantities[o], p_togethers[o], v_categories, v_sections, p_max_amounts[o]);
    SELECT e.* INTO v_there FROM waitlist_entries e WHERE e.event_id = p_event_ids[o]
      AND e.person_id = p_person_ids[o] AND e.status IN ('waiting', 'offered');
    IF NOT FOUND THEN
      IF (SELECT w.closed FROM waitlists w WHERE w.event_id = p_event_ids[o]) THEN
        outcome := 'closed'; RETURN NEXT; CONTINUE;
      END IF;
      v_tier := coalesce((SELECT p.tier FROM people p WHERE p.person_id = p_person_ids[o]), 'regular');
      v_weight := (p_weights ->> v_tier)::integer;
      INSERT INTO waitlist_entries AS e (event_id, entry_id, person_id, wish_no, weight, tier, email, name, language)
      VALUES (p_event_ids[o], p_entry_ids[o], p_person_ids[o], v_wish, v_weight, v_tier, p_emails[o], p_names[o], p_languages[o])
      ON CONFLICT (event_id, person_id) WHERE status IN ('waiting', 'offered') DO NOTHING
      RETURNING e.join_no INTO v_join;
      IF FOUND THEN
        INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
        VALUES (p_event_ids[o], p_entry_ids[o], 'joined', v_wish, v_weight, v_join, 'person', v_round);
        joined := joined || o;
        outcome := 'joined'; entry_id := p_entry_ids[o]; same := true; weight := v_weight; join_no := v_join;
        RETURN NEXT; CONTINUE;
      END IF;
      -- The same person was faster in another request.
      SELECT e.* INTO v_there FROM waitlist_entries e WHERE e.event_id = p_event_ids[o]
        AND e.person_id = p_person_ids[o] AND e.status IN ('waiting', 'offered');
    END IF;
    outcome := 'there'; entry_id := v_there.entry_id; same := v_there.wish_no = v_wish;
    weight := v_there.weight; join_no := v_there.join_no;
    RETURN NEXT;
  END LOOP;
  PERFORM enqueue_notifications(
    array_agg('waitlist-joined'::text), array_agg(p_entry_ids[j]::text), array_agg(p_event_ids[j]),
    array_agg(p_person_ids[j]), array_agg(p_emails[j]), array_agg(p_names[j]), array_agg(p_languages[j]),
    array_agg(jsonb_build_object('entry_id', p_entry_ids[j])))
  FROM unnest(joined) j WHERE p_emails[j] IS NOT NULL HAVING count(*) > 0;
END $$;

-- The number of a wish, made when it is the first of its kind.
CREATE FUNCTION wish_of(
  p_event_id uuid, p_quantity integer, p_together boolean, p_categories smallint[], p_sections smallint[],
  p_max_amount bigint
) RETURNS integer LANGUAGE plpgsql AS $$
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

-- Somebody changes what they want, under the version that they saw (NULL: any). Their place stays.
-- Outcomes: changed, stale, ended (not waiting any more), foreign, unknown.
CREATE FUNCTION change_entry(
  p_entry_id uuid, p_person_id uuid, p_version integer, p_quantity integer, p_together boolean,
  p_categories jsonb, p_sections jsonb, p_max_amount bigint, p_email text, p_name text, p_language text
) RETURNS TABLE (outcome text, event_id uuid, weight integer, join_no bigint, version integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
  v_wish integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x WHERE x.event_id = change_entry.event_id AND x.entry_id = p_entry_id FOR UPDATE;
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

-- Somebody gives up their place; an open offer is declined with it. Outcomes: left, already (not in line),
-- foreign, unknown. offer_id: the offer that ended.
CREATE FUNCTION leave_waitlist(p_entry_id uuid, p_person_id uuid)
RETURNS TABLE (outcome text, event_id uuid, offer_id uuid) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x WHERE x.event_id = leave_waitlist.event_id AND x.entry_id = p_entry_id FOR UPDATE;
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

-- An open offer comes to its one end, and its entry with it. p_person_id: whose it must be (NULL: anybody's).
-- Outcomes: ended; already (ended so before);
-- over (ended otherwise, or its time is up: status tells), not-due (its time is not up), foreign, unknown.
CREATE FUNCTION end_offer(
  p_offer_id uuid, p_person_id uuid, p_to offer_status, p_actor text, p_reason text
) RETURNS TABLE (outcome text, event_id uuid, entry_id uuid, person_id uuid, status offer_status,
                 hold_expires_at timestamptz, weight integer, join_no bigint)
LANGUAGE plpgsql AS $$
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
            WHEN 'expired' THEN 'lapsed' ELSE 'withdrawn' END, e.wish_no, e.weight, e.join_no, p_actor, p_reason, v_round);
    status := p_to; outcome := 'ended';
  END IF;
  RETURN NEXT;
END $$;

-- As of the booking functions: rows are found by key, whatever the planner thought while tables were small.
DO $$
DECLARE f regproc;
BEGIN
  FOREACH f IN ARRAY ARRAY['join_waitlist', 'wish_of', 'change_entry', 'leave_waitlist', 'end_offer']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET enable_seqscan = off SET plan_cache_mode = force_generic_plan', f);
  END LOOP;
END $$;

-- migrate:down

DROP FUNCTION end_offer, leave_waitlist, change_entry, join_waitlist, wish_of, share_line, line_key, offered_places;
DROP TABLE waitlist_skips, offer_seats, offers, waitlist_rounds, waitlist_changes, waitlist_entries,
  waitlist_wishes, waitlists;
DROP SEQUENCE waitlist_join_seq, waitlist_wish_seq;
DROP TYPE offer_status, entry_status;
