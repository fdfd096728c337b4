-- migrate:up

-- What functions and statements are given: one row for each command, instead of an array for each of its
-- fields. Python sends named tuples with the same fields in the same order (a test compares them).
--
-- None of these ever changes: PostgreSQL cannot replace a type, and a process of an earlier release goes on
-- sending the fields that it knows. Another field is another type, reserve_command_v2, and a function that
-- takes it (docs/decisions/0036).

-- For reserve_bookings. ord: the command's place in its batch, from 1.
CREATE TYPE reserve_command AS (
  ord          integer,
  event_id     uuid,
  booking_id   uuid,
  hold_id      uuid,
  buyer_id     uuid,
  reference    text,
  deadline     timestamptz,
  amount_minor bigint,
  email        text,
  name         text,
  provider     text,
  token        text,
  key          text,
  fingerprint  bytea,
  request_id   text,
  email_mark   uuid,
  card_mark    uuid      -- NULL: nobody can say which card it is
);
-- One seat of the command at ord.
CREATE TYPE reserve_seat AS (
  ord          integer,
  seat_no      integer,
  category_no  integer,
  amount_minor bigint
);
-- Places in one area for the command at ord; amount_minor: of one place.
CREATE TYPE reserve_area AS (
  ord          integer,
  area_no      integer,
  category_no  integer,
  quantity     integer,
  amount_minor bigint
);

-- For join_waitlist. As in waitlist_wishes and waitlist_entries.
CREATE TYPE join_command AS (
  event_id         uuid,
  entry_id         uuid,
  person_id        uuid,
  quantity         integer,
  together         boolean,
  categories       smallint[],
  sections         smallint[],
  max_amount_minor bigint,
  email            text,
  name             text,
  language         text
);

-- For the statement write_round: what a round offers, and which wishes it passed over.
CREATE TYPE round_offer AS (
  offer_id uuid,
  entry_id uuid,
  seats    integer[],
  areas    text,
  quantity integer
);
CREATE TYPE round_skip AS (
  wish_no  integer,
  reason   text,
  detail   text,
  weight   integer,
  join_no  bigint,
  entry_id uuid
);

-- For enqueue_notifications. As in notifications.
CREATE TYPE notification_command AS (
  kind      text,
  cause     text,
  event_id  uuid,
  person_id uuid,
  email     text,
  name      text,
  language  text,
  facts     jsonb
);

-- For take_mail_allowances.
CREATE TYPE mail_claim AS (
  event_id        uuid,
  notification_id uuid,
  email_key       text,
  mailbox         text,
  is_booking      boolean,
  most            integer,  -- mails of that kind about that event to that mailbox in a day
  most_in_all     integer   -- the same, all events and kinds together
);

-- migrate:down

DROP FUNCTION IF EXISTS reserve_bookings, return_claims, join_waitlist, enqueue_notifications, take_mail_allowances;
DROP TYPE reserve_command, reserve_seat, reserve_area, join_command, round_offer, round_skip,
  notification_command, mail_claim;
