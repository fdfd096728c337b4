-- migrate:up

-- Who acts here: the subject of a token, the buyer_id of a booking. A row is made when somebody
-- registers, or sets anything, or has anything set; a guest without a row has the defaults below.
CREATE TABLE people (
  person_id   uuid PRIMARY KEY,
  email       text,  -- where to write to, as it was typed; nobody has proved that it is theirs
  name        text NOT NULL DEFAULT '',
  language    text NOT NULL DEFAULT 'en',
  tier        text NOT NULL DEFAULT 'regular' CHECK (tier IN ('regular', 'premium', 'vip')),
  preferences jsonb NOT NULL DEFAULT '{}',
  -- From 2 on: version 1 is that of a person without a row.
  version     integer NOT NULL DEFAULT 2,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- People who log in with a password.
CREATE TABLE accounts (
  person_id     uuid PRIMARY KEY REFERENCES people,
  -- The address as it is compared: NFC, lower case.
  email_key     text NOT NULL,
  password_hash text NOT NULL,  -- argon2id, with its salt and parameters
  created_at    timestamptz NOT NULL DEFAULT now(),
  password_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT accounts_email_key UNIQUE (email_key)
);

-- One login on one device, from then until it ends: a family of refresh tokens, each good once. One
-- row remembers all of them: whatever names the session and is neither the newest token nor, for a
-- moment, the one before it, was used before.
CREATE TABLE sessions (
  session_id uuid PRIMARY KEY,
  person_id  uuid NOT NULL REFERENCES accounts,
  -- SHA-256 of the secrets in the newest token and in the one that was exchanged for it.
  token_hash bytea NOT NULL,
  used_hash  bytea,
  -- With the token before, and only with it, the newest token can be made again.
  seed       bytea,
  rotated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  ended_at   timestamptz,
  end_reason text CHECK (end_reason IN (
    'logout',
    'reuse',    -- a token came that had been exchanged before: somebody else has a copy
    'password'  -- the password was changed
  )),
  CONSTRAINT sessions_used_check CHECK ((used_hash IS NULL) = (seed IS NULL)),
  CONSTRAINT sessions_ended_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX sessions_person_idx ON sessions (person_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_expires_idx ON sessions (expires_at);

-- migrate:down

DROP TABLE sessions, accounts, people;
