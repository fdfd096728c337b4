-- migrate:up

CREATE TYPE rule_status AS ENUM (
  'draft',      -- made, tried, changes nothing
  'scheduled',  -- comes into force at valid_from
  'active',     -- in force: the worker follows it
  'retired'     -- over, or never came into force; final
);

-- One row per event that has anything to do with rules. Its lock is that of everything an organiser
-- does to the event's pricing, and of a scheduled rule that comes into force.
CREATE TABLE pricing (
  event_id       uuid PRIMARY KEY REFERENCES events,
  history_public boolean NOT NULL DEFAULT true,   -- buyers see every change
  range_public   boolean NOT NULL DEFAULT false,  -- buyers see floor and ceiling
  version        integer NOT NULL DEFAULT 1,
  -- When a worker looked at it last: whoever moves this does the round.
  looked_at      timestamptz
);

-- What a rule says never changes: another price policy is another row, numbered within its category.
CREATE TABLE pricing_rules (
  event_id     uuid NOT NULL,
  rule_id      uuid NOT NULL,
  category_no  smallint NOT NULL,
  rule_no      integer NOT NULL CHECK (rule_no > 0),
  rule         jsonb NOT NULL,  -- engine.pricing.rule.Rule
  note         text NOT NULL DEFAULT '',
  made_by      text NOT NULL,
  made_at      timestamptz NOT NULL DEFAULT now(),
  status       rule_status NOT NULL DEFAULT 'draft',
  valid_from   timestamptz,
  activated_at timestamptz,
  retired_at   timestamptz,
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (event_id, rule_id),
  UNIQUE (event_id, category_no, rule_no),
  FOREIGN KEY (event_id) REFERENCES pricing,
  FOREIGN KEY (event_id, category_no) REFERENCES categories,
  CONSTRAINT pricing_rules_schedule_check CHECK (
    CASE status WHEN 'draft' THEN valid_from IS NULL WHEN 'scheduled' THEN valid_from IS NOT NULL ELSE true END),
  CONSTRAINT pricing_rules_active_check CHECK (status <> 'active' OR activated_at IS NOT NULL),
  CONSTRAINT pricing_rules_retired_check CHECK ((status = 'retired') = (retired_at IS NOT NULL))
) WITH (fillfactor = 80);
-- A category follows one rule at a time.
CREATE UNIQUE INDEX pricing_rules_active_key ON pricing_rules (event_id, category_no) WHERE status = 'active';
CREATE INDEX pricing_rules_live_idx ON pricing_rules (event_id) WHERE status IN ('scheduled', 'active');
CREATE INDEX pricing_rules_scheduled_idx ON pricing_rules (valid_from) WHERE status = 'scheduled';

-- The organiser's hand on one category; without a row, or with mode NULL, its rule decides.
CREATE TABLE pricing_controls (
  event_id    uuid NOT NULL,
  category_no smallint NOT NULL,
  mode        text CHECK (mode IN (
    'override',  -- a price set by hand: until `until`, or until it is released or another rule comes into force
    'frozen'     -- the price stays whatever happens, until it is released
  )),
  until       timestamptz,
  reason      text NOT NULL,
  actor       text NOT NULL,
  version     integer NOT NULL DEFAULT 1,
  changed_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (event_id, category_no),
  FOREIGN KEY (event_id, category_no) REFERENCES categories,
  CONSTRAINT pricing_controls_until_check CHECK (until IS NULL OR mode = 'override')
);

-- How fast a category sells, kept from one look to the next (engine.pricing.velocity).
CREATE TABLE pricing_velocity (
  event_id    uuid NOT NULL,
  category_no smallint NOT NULL,
  taken       integer NOT NULL,           -- places sold or being paid for, at measured_at
  places      double precision NOT NULL,  -- sold in the past, the longer ago the less they count
  days        double precision NOT NULL,  -- looked at in the past, likewise; places / days is the velocity
  measured_at timestamptz NOT NULL,
  PRIMARY KEY (event_id, category_no),
  FOREIGN KEY (event_id, category_no) REFERENCES categories
) WITH (fillfactor = 50);

-- migrate:down

DROP TABLE pricing_velocity, pricing_controls, pricing_rules, pricing;
DROP TYPE rule_status;
