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

-- migrate:down

DROP FUNCTION IF EXISTS end_offer;
DROP TABLE waitlist_skips, offer_seats, offers, waitlist_rounds, waitlist_changes, waitlist_entries,
  waitlist_wishes, waitlists;
DROP SEQUENCE waitlist_join_seq, waitlist_wish_seq;
DROP TYPE offer_status, entry_status;
