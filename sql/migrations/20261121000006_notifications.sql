-- migrate:up

CREATE TYPE notification_status AS ENUM (
  'queued',   -- waits for its turn (due_at); with leased_by, a worker has it until due_at
  'sending',  -- the end of the message may be under way: from here on it may have arrived
  'sent',     -- the mail server took it
  'skipped',  -- nobody to write to, switched off, or overtaken by events; reason says which
  'dead',     -- refused for good, or tried for too long; reason has the server's words
  'unknown'   -- handed over, and no answer was heard: never sent again by itself
);

-- One row per kind, cause and recipient: the queue of mails and its log. event_id is the nil UUID for
-- what belongs to no event.
CREATE TABLE notifications (
  event_id        uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
  notification_id uuid NOT NULL DEFAULT uuidv7(),
  kind            text NOT NULL CHECK (kind IN (
    'welcome', 'booking-confirmed', 'booking-cancelled', 'booking-refunded', 'waitlist-joined',
    'offer-made', 'offer-expiring', 'event-changed', 'event-cancelled')),
  -- The id of what happened: the same thing is told once, however often somebody asks for it.
  cause           text NOT NULL,
  person_id       uuid NOT NULL,
  email           text CHECK (email <> ''),  -- NULL: told on the live channel only
  name            text NOT NULL DEFAULT '',
  language        text,                      -- NULL: the event's, else the product's
  -- What to look up when the mail is written; not the facts themselves, which may change until then.
  facts           jsonb NOT NULL DEFAULT '{}',
  status          notification_status NOT NULL DEFAULT 'queued',
  -- The person's open connections are still to be told (kinds without a live message of their own).
  to_tell         boolean NOT NULL DEFAULT false,
  -- Queued: when it is somebody's turn, also if its worker died. Sending: when to give up hoping.
  due_at          timestamptz NOT NULL DEFAULT now(),
  leased_by       uuid,
  attempts        integer NOT NULL DEFAULT 0,
  -- Of these, those that the server put off: the rest say nothing about the mail.
  deferrals       integer NOT NULL DEFAULT 0,
  reason          text,
  queued_at       timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,
  PRIMARY KEY (event_id, notification_id),
  CONSTRAINT notifications_ended_check
    CHECK ((status IN ('queued', 'sending')) = (ended_at IS NULL)),
  CONSTRAINT notifications_address_check CHECK (email IS NOT NULL OR status = 'skipped')
) WITH (fillfactor = 70);
-- Never twice for one cause. What concerns everybody with tickets goes to each address that holds some.
CREATE UNIQUE INDEX notifications_cause_key ON notifications (event_id, cause, kind, person_id,
  (CASE WHEN kind IN ('event-changed', 'event-cancelled') THEN coalesce(lower(email), '') ELSE '' END));
-- … and once to each address, though two people gave the same.
CREATE UNIQUE INDEX notifications_address_key ON notifications (event_id, cause, kind, lower(email))
  WHERE kind IN ('event-changed', 'event-cancelled') AND email IS NOT NULL;
CREATE INDEX notifications_notification_id_idx ON notifications (notification_id);
CREATE INDEX notifications_due_idx ON notifications (due_at) WHERE status IN ('queued', 'sending');
CREATE INDEX notifications_to_tell_idx ON notifications (event_id, notification_id) WHERE to_tell;
-- The operator's list of what needs a person.
CREATE INDEX notifications_failed_idx ON notifications (notification_id)
  WHERE status IN ('dead', 'unknown');

-- The delivery log. A row is written before the end of a message leaves this house.
CREATE TABLE notification_attempts (
  event_id        uuid NOT NULL,
  notification_id uuid NOT NULL,
  attempt_no      integer NOT NULL,
  outcome         text NOT NULL CHECK (outcome IN (
    'under-way',    -- handed over, no answer yet
    'accepted',
    'deferred',     -- the server says: not now (4xx)
    'refused',      -- the server says: never (5xx)
    'unreachable',  -- no session, or it was lost before the message was complete
    'unwritable',   -- no mail could be made of it
    'unknown'       -- lost between the end of the message and the answer
  )),
  reply           text,  -- the server's words, or what happened to the connection
  started_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at        timestamptz,
  PRIMARY KEY (event_id, notification_id, attempt_no),
  FOREIGN KEY (event_id, notification_id) REFERENCES notifications,
  CONSTRAINT notification_attempts_ended_check CHECK ((outcome = 'under-way') = (ended_at IS NULL))
);

-- Without a mail server: the mails themselves, for /dev/mail.
CREATE TABLE kept_mails (
  event_id        uuid NOT NULL,
  notification_id uuid NOT NULL,
  message         bytea NOT NULL,  -- RFC 5322
  kept_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, notification_id),
  FOREIGN KEY (event_id, notification_id) REFERENCES notifications
);
CREATE INDEX kept_mails_kept_idx ON kept_mails (kept_at);

-- Templates are written once; another text is another version.
CREATE TABLE mail_templates (
  kind       text NOT NULL,
  language   text NOT NULL,
  version    integer NOT NULL,
  source     text NOT NULL CHECK (source IN ('product', 'organiser')),
  subject    text NOT NULL,
  html       text NOT NULL,
  text       text NOT NULL,
  digest     bytea NOT NULL,
  note       text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, language, version)
);
-- The product's texts come in once, however many workers start with them.
CREATE UNIQUE INDEX mail_templates_product_key ON mail_templates (kind, language, digest)
  WHERE source = 'product';

-- Which version is in force: the row with the highest choice_no. Rolling back chooses again.
CREATE TABLE mail_template_choices (
  kind      text NOT NULL,
  language  text NOT NULL,
  choice_no integer NOT NULL,
  version   integer NOT NULL,
  actor     text NOT NULL,
  chosen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, language, choice_no),
  FOREIGN KEY (kind, language, version) REFERENCES mail_templates
);

-- What those with tickets were last told of an event. The page itself is in MongoDB: comparing the two
-- finds every edit, whichever process died after it.
CREATE TABLE told_events (
  event_id  uuid PRIMARY KEY REFERENCES events,
  version   integer NOT NULL,
  name      text NOT NULL,
  venue     text NOT NULL,
  starts_at timestamptz NOT NULL
);

-- migrate:down

DROP TABLE told_events, mail_template_choices, mail_templates, kept_mails, notification_attempts,
  notifications;
DROP TYPE notification_status;
