-- name: person
SELECT p.person_id::text, p.email, p.name, p.language, p.tier, p.preferences, p.version, p.created_at,
       a.person_id IS NOT NULL AS registered
FROM people p LEFT JOIN accounts a USING (person_id) WHERE p.person_id = $1;

-- name: person_by_email
-- Only who registered: nobody else's address is looked up, or unique.
SELECT p.person_id::text, p.email, p.name, p.language, p.tier, p.preferences, p.version, p.created_at,
       true AS registered
FROM accounts a JOIN people p USING (person_id) WHERE a.email_key = $1;

-- name: change
-- Optimistic: nothing happens unless the person is at version $6. Version 1 has no row.
INSERT INTO people AS p (person_id, email, name, language, preferences)
SELECT $1, $2, $3, $4, $5 WHERE $6 = 1 OR EXISTS (SELECT FROM people WHERE person_id = $1)
ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, name = excluded.name,
  language = excluded.language, preferences = excluded.preferences, version = p.version + 1
  WHERE p.version = $6
RETURNING version;

-- name: set_tier
INSERT INTO people AS p (person_id, tier) VALUES ($1, $2)
ON CONFLICT (person_id) DO UPDATE SET tier = excluded.tier, version = p.version + 1
  WHERE p.tier <> excluded.tier;

-- name: lock_email
-- Whoever takes an address for an account takes this first.
SELECT pg_advisory_xact_lock(hashtextextended($1, 20261121));

-- name: register_person
-- What the guest has set already stays, but for what comes now. $4: NULL leaves the language.
INSERT INTO people AS p (person_id, email, name, language) VALUES ($1, $2, $3, coalesce($4, 'en'))
ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, name = excluded.name,
  language = coalesce($4, p.language), version = p.version + 1;

-- name: register_account
-- No row: the address or the person has an account already.
INSERT INTO accounts (person_id, email_key, password_hash) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING person_id;

-- name: enqueue_welcome
SELECT enqueue_notifications(ARRAY['welcome'], ARRAY[$1::uuid::text], ARRAY[NULL::uuid], ARRAY[$1::uuid],
  ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY['{}'::jsonb]);

-- name: account_by_email
SELECT person_id::text, password_hash FROM accounts WHERE email_key = $1;

-- name: account
SELECT email_key, password_hash FROM accounts WHERE person_id = $1;

-- name: set_email_key
-- No row: the address is another account's, or the password is no longer the one that was checked.
UPDATE accounts SET email_key = $2 WHERE person_id = $1 AND password_hash = $3
  AND NOT EXISTS (SELECT FROM accounts o WHERE o.email_key = $2 AND o.person_id <> $1)
RETURNING person_id;

-- name: set_password
-- $4: it is another password, not the same one hashed anew.
UPDATE accounts SET password_hash = $3, password_at = CASE WHEN $4 THEN now() ELSE password_at END
WHERE person_id = $1 AND password_hash = $2 RETURNING person_id;

-- name: open_session
-- No row: the password is no longer the one that was checked ($4).
INSERT INTO sessions (session_id, person_id, token_hash, expires_at)
SELECT $1, person_id, $3, clock_timestamp() + make_interval(secs => $5) FROM accounts
WHERE person_id = $2 AND password_hash = $4 RETURNING session_id;

-- name: session
-- Its lock puts exchanges of one family in a row.
SELECT person_id::text, token_hash, used_hash, seed, ended_at IS NOT NULL AS ended,
       expires_at <= clock_timestamp() AS expired,
       rotated_at > clock_timestamp() - make_interval(secs => $2) AS in_grace
FROM sessions WHERE session_id = $1 FOR UPDATE;

-- name: rotate_session
UPDATE sessions SET token_hash = $2, used_hash = token_hash, seed = $3, rotated_at = clock_timestamp()
WHERE session_id = $1;

-- name: end_session
UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2
WHERE session_id = $1 AND ended_at IS NULL RETURNING person_id::text;

-- name: end_sessions
UPDATE sessions SET ended_at = clock_timestamp(), end_reason = $2
WHERE person_id = $1 AND ended_at IS NULL;

-- name: forget_sessions
-- Ended ones are kept until they would have expired, to know a token that comes again.
DELETE FROM sessions WHERE expires_at < now() - interval '1 day';

-- name: prove_address
-- $1 email_key: somebody has followed a link that was mailed there.
INSERT INTO proven_addresses (email_key) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: is_proven_address
-- $1 email_key
SELECT EXISTS (SELECT FROM proven_addresses WHERE email_key = $1) AS is_proven;
