-- migrate:up

-- Every event-scoped table leads its keys with event_id, so that the schema distributes by event
-- (Citus: SELECT create_distributed_table(t, 'event_id')) as it stands.

CREATE TYPE event_status AS ENUM (
  'on_sale',    -- holds and bookings are taken
  'paused',     -- no new holds; what is held may still be booked
  'cancelled'   -- final; every booking is being refunded
);

CREATE TYPE seat_state AS ENUM (
  'available',  -- nobody owns it (Redis may show a momentary hold)
  'reserved',   -- claimed by a pending booking; money may be moving
  'sold',       -- owned by a confirmed booking
  'blocked'     -- the organiser keeps it from sale
);

CREATE TYPE booking_status AS ENUM (
  'pending',    -- reserved, payment not settled; resolves exactly once
  'confirmed',  -- paid; tickets exist
  'declined',   -- the gateway said no; seats returned
  'expired',    -- payment did not come in time; seats returned
  'cancelled'   -- was confirmed; seats returned, money refunded or being refunded
);

CREATE TYPE payment_status AS ENUM (
  'initiated',       -- in flight: the gateway may or may not have the money
  'captured',        -- the gateway has the money for a confirmed booking
  'declined',        -- final: no money moved
  'voided',          -- final: given up before any money moved
  'refund_pending',  -- captured, owed back; the outbox keeps asking until it is done
  'refunded'         -- final
);

CREATE TABLE events (
  event_id         uuid PRIMARY KEY,
  status           event_status NOT NULL DEFAULT 'on_sale',
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  seat_count       integer NOT NULL CHECK (seat_count >= 0),
  buyer_limit      integer NOT NULL CHECK (buyer_limit > 0),
  hold_ttl_s       integer NOT NULL CHECK (hold_ttl_s > 0),
  hold_max_s       integer NOT NULL CHECK (hold_max_s >= hold_ttl_s),
  payment_window_s integer NOT NULL CHECK (payment_window_s > 0),
  -- Numbers the lives of the event's Redis state; every rebuild takes the next one.
  epoch            integer NOT NULL DEFAULT 0,
  version          integer NOT NULL DEFAULT 1,
  changed_at       timestamptz NOT NULL DEFAULT now(),
  published_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX events_status_idx ON events (status);

CREATE TABLE categories (
  event_id     uuid NOT NULL REFERENCES events,
  category_no  smallint NOT NULL CHECK (category_no BETWEEN 0 AND 254),
  name         text NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  -- Optimistic: a price is changed by whoever read the version that is still there.
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, category_no)
);

CREATE TABLE price_changes (
  event_id         uuid NOT NULL,
  category_no      smallint NOT NULL,
  version          integer NOT NULL,
  old_amount_minor bigint,
  new_amount_minor bigint NOT NULL,
  reason           text NOT NULL,
  actor            text NOT NULL,  -- "organiser", or "pricing:<number of the rule>"
  inputs           jsonb,          -- what a rule saw and made of it; NULL: somebody's decision
  changed_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, category_no, version),
  FOREIGN KEY (event_id, category_no) REFERENCES categories
);

-- One row per seat. Updated twice per sale and read by key only: room on the page and no index on
-- what changes keep those updates heap-only.
CREATE TABLE seats (
  event_id    uuid NOT NULL,
  seat_no     integer NOT NULL CHECK (seat_no >= 0),
  category_no smallint NOT NULL,
  state       seat_state NOT NULL DEFAULT 'available',
  version     integer NOT NULL DEFAULT 1,
  booking_id  uuid,
  PRIMARY KEY (event_id, seat_no),
  -- A claimed seat has exactly one owner and a free one has none.
  CONSTRAINT seats_owner_check CHECK ((state IN ('reserved', 'sold')) = (booking_id IS NOT NULL))
) WITH (fillfactor = 60);

CREATE TABLE areas (
  event_id    uuid NOT NULL REFERENCES events,
  area_no     smallint NOT NULL CHECK (area_no >= 0),
  category_no smallint NOT NULL,
  capacity    integer NOT NULL CHECK (capacity > 0),
  reserved    integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold        integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, area_no),
  -- No area is ever oversold, whatever the code above it believes.
  CONSTRAINT areas_never_oversold_check CHECK (reserved + sold <= capacity)
) WITH (fillfactor = 50);

-- What one buyer owns of one event: the per-buyer limit's own row, locked first by a reserve so
-- that two bookings of one buyer cannot pass the limit side by side.
CREATE TABLE buyer_claims (
  event_id uuid NOT NULL REFERENCES events,
  buyer_id uuid NOT NULL,
  reserved integer NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  sold     integer NOT NULL DEFAULT 0 CHECK (sold >= 0),
  version  integer NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, buyer_id)
) WITH (fillfactor = 70);

CREATE TABLE bookings (
  event_id     uuid NOT NULL REFERENCES events,
  booking_id   uuid NOT NULL,
  hold_id      uuid NOT NULL,
  buyer_id     uuid NOT NULL,
  reference    text NOT NULL,
  status       booking_status NOT NULL DEFAULT 'pending',
  -- Pending or confirmed: it claims its seats.
  live         boolean NOT NULL DEFAULT true,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency     text NOT NULL,
  email        text NOT NULL,
  name         text NOT NULL,
  -- Finds the row of idempotency_keys that still wants its answer.
  idempotency_key text NOT NULL,
  -- Of the checkout: what is done for the booking later, by whatever process, is logged under it.
  request_id   text NOT NULL,
  note         text,
  version      integer NOT NULL DEFAULT 1,
  created_at   timestamptz NOT NULL DEFAULT now(),
  expires_at   timestamptz,
  PRIMARY KEY (event_id, booking_id),
  CONSTRAINT bookings_live_check CHECK (live = (status IN ('pending', 'confirmed'))),
  CONSTRAINT bookings_expiry_check CHECK ((status = 'pending') = (expires_at IS NOT NULL))
) WITH (fillfactor = 80);
-- A hold is booked at most once at a time, by whichever of two checkouts came first.
CREATE UNIQUE INDEX bookings_live_hold_key ON bookings (event_id, hold_id) WHERE live;
CREATE INDEX bookings_booking_id_idx ON bookings (booking_id);
CREATE INDEX bookings_buyer_idx ON bookings (buyer_id, booking_id);
-- The worker's list of payments to chase.
CREATE INDEX bookings_pending_idx ON bookings (expires_at) WHERE status = 'pending';

CREATE TABLE booking_items (
  event_id     uuid NOT NULL,
  booking_id   uuid NOT NULL,
  item_no      smallint NOT NULL,
  seat_no      integer,
  area_no      smallint,
  category_no  smallint NOT NULL,
  quantity     integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),  -- of one place
  live         boolean NOT NULL DEFAULT true,
  PRIMARY KEY (event_id, booking_id, item_no),
  FOREIGN KEY (event_id, booking_id) REFERENCES bookings,
  CONSTRAINT booking_items_place_check CHECK ((seat_no IS NULL) <> (area_no IS NULL)),
  CONSTRAINT booking_items_seat_quantity_check CHECK (seat_no IS NULL OR quantity = 1)
);
-- Invariant 1: a seat has at most one live sale. The seat's row says the same; this index would
-- still hold if the code that keeps that row were wrong.
CREATE UNIQUE INDEX booking_items_live_seat_key ON booking_items (event_id, seat_no)
  WHERE live AND seat_no IS NOT NULL;

-- One attempt to pay per booking; another card makes another booking of the same hold.
CREATE TABLE payments (
  event_id     uuid NOT NULL,
  booking_id   uuid NOT NULL,
  provider     text NOT NULL,
  token        text NOT NULL,
  status       payment_status NOT NULL DEFAULT 'initiated',
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  currency     text NOT NULL,
  provider_ref text,
  decline_code text,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, booking_id),
  FOREIGN KEY (event_id, booking_id) REFERENCES bookings
) WITH (fillfactor = 80);

CREATE TABLE tickets (
  event_id   uuid NOT NULL,
  ticket_id  uuid NOT NULL DEFAULT uuidv7(),
  booking_id uuid NOT NULL,
  item_no    smallint NOT NULL,
  place_no   integer NOT NULL,  -- 1… within an area item
  -- What the door scans: 122 random bits, not the ticket's id, which others may see.
  code       uuid NOT NULL DEFAULT gen_random_uuid(),
  void       boolean NOT NULL DEFAULT false,
  PRIMARY KEY (event_id, ticket_id),
  UNIQUE (event_id, booking_id, item_no, place_no),
  FOREIGN KEY (event_id, booking_id, item_no) REFERENCES booking_items
);

CREATE TABLE audit (
  event_id   uuid NOT NULL,
  audit_id   uuid NOT NULL DEFAULT uuidv7(),
  booking_id uuid,
  action     text NOT NULL,
  actor      text NOT NULL,
  details    jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (event_id, audit_id)
);

-- What a committed change still owes the world. A row is deleted once delivered, so the table holds
-- only what is owed; delivering twice is harmless by construction.
CREATE TABLE outbox (
  event_id   uuid NOT NULL,
  outbox_id  uuid NOT NULL DEFAULT uuidv7(),
  kind       text NOT NULL CHECK (kind IN (
    'settle',   -- tell Redis what PostgreSQL decided
    'refund',   -- give captured money back
    'inquire'   -- the gateway did not answer before the booking expired: ask it again
  )),
  booking_id uuid NOT NULL,
  payload    jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  due_at     timestamptz NOT NULL DEFAULT now(),
  attempts   integer NOT NULL DEFAULT 0,
  PRIMARY KEY (event_id, outbox_id)
);
CREATE INDEX outbox_due_idx ON outbox (due_at);

-- One key, one effect, one response. Written in the transaction that reserves.
CREATE TABLE idempotency_keys (
  buyer_id    uuid NOT NULL,
  key         text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  fingerprint bytea NOT NULL,
  event_id    uuid NOT NULL,
  booking_id  uuid NOT NULL,
  -- The answer that was given; NULL while the first request is still under way.
  response    jsonb,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (buyer_id, key)
) WITH (fillfactor = 70);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys USING brin (created_at);

-- The sandbox gateway's own book: another company's memory, kept here so that a sandbox payment
-- survives what a real one would. Nothing but the sandbox reads or writes it.
CREATE TABLE sandbox_charges (
  booking_id     uuid PRIMARY KEY,
  token          text NOT NULL,
  status         text NOT NULL CHECK (status IN ('captured', 'declined', 'requires_action', 'voided')),
  decline_code   text,
  amount_minor   bigint NOT NULL,
  currency       text NOT NULL,
  refunded_minor bigint NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
  created_at     timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE sandbox_charges, idempotency_keys, outbox, audit, tickets, payments, booking_items,
  bookings, buyer_claims, areas, seats, price_changes, categories, events;
DROP FUNCTION IF EXISTS end_bookings, seat_digit;
DROP TYPE payment_status, booking_status, seat_state, event_status;
