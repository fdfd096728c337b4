-- migrate:up

-- An address may be claimed by several accounts, and belongs to the one whose link was opened first:
-- who registers learns nothing about who did before.
ALTER TABLE accounts DROP CONSTRAINT accounts_email_key;
-- NULL: the address turned out to be another account's; this one can name another.
ALTER TABLE accounts ALTER COLUMN email_key DROP NOT NULL;
-- When its link was opened; NULL: nobody has shown that the address is theirs.
ALTER TABLE accounts ADD COLUMN proven_at timestamptz;
-- Hashes have the salt of the address, so that one hash decides for all who claim it. This one has not:
-- it was made before, and is made anew at the next login.
ALTER TABLE accounts ADD COLUMN own_salt boolean NOT NULL DEFAULT false;
UPDATE accounts SET own_salt = true;
-- From this and an address its salt is derived. With the hashes, so that they stay good together.
CREATE TABLE house_salt (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  salt    bytea NOT NULL
);
INSERT INTO house_salt (salt) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
-- Tokens of earlier versions are refused; a guest's are version 0.
ALTER TABLE accounts ADD COLUMN token_version integer NOT NULL DEFAULT 1;
-- When a token that was good stopped being so; NULL: there was none. Processes poll it.
ALTER TABLE accounts ADD COLUMN tokens_changed_at timestamptz;
ALTER TABLE accounts ADD CONSTRAINT accounts_proven_check CHECK (proven_at IS NULL OR email_key IS NOT NULL);

CREATE INDEX accounts_email_idx ON accounts (email_key, password_hash);
CREATE UNIQUE INDEX accounts_proven_key ON accounts (email_key) WHERE proven_at IS NOT NULL;
CREATE INDEX accounts_own_salt_idx ON accounts (email_key) WHERE own_salt;
CREATE INDEX accounts_tokens_changed_idx ON accounts (tokens_changed_at) WHERE tokens_changed_at IS NOT NULL;
-- How many such mails an address had lately.
CREATE INDEX notifications_welcome_idx ON notifications (lower(email), queued_at) WHERE kind = 'welcome';

-- migrate:down

DROP INDEX notifications_welcome_idx;
DROP INDEX accounts_tokens_changed_idx, accounts_own_salt_idx, accounts_proven_key, accounts_email_idx;
DROP TABLE house_salt;
-- Of those who claim one address, the one it belongs to stays, else the first.
UPDATE accounts a SET email_key = a.person_id::text WHERE a.email_key IS NULL OR EXISTS (
  SELECT FROM accounts o WHERE o.email_key = a.email_key AND o.person_id <> a.person_id
    AND (o.proven_at IS NULL, o.created_at, o.person_id) < (a.proven_at IS NULL, a.created_at, a.person_id));
ALTER TABLE accounts DROP CONSTRAINT accounts_proven_check;
ALTER TABLE accounts DROP COLUMN tokens_changed_at, DROP COLUMN token_version, DROP COLUMN own_salt,
  DROP COLUMN proven_at;
ALTER TABLE accounts ALTER COLUMN email_key SET NOT NULL;
ALTER TABLE accounts ADD CONSTRAINT accounts_email_key UNIQUE (email_key);
