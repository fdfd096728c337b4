-- name: person
SELECT p.person_id::text, p.email, p.name, p.language, p.tier, p.preferences, p.version, p.created_at,
       a.person_id IS NOT NULL AS registered, a.proven_at IS NOT NULL AS email_proven
FROM people p LEFT JOIN accounts a USING (person_id) WHERE p.person_id = $1;

-- name: people_by_email
-- Only registered people; other addresses are never looked up. First the owner, then the earliest claim.
SELECT p.person_id::text, p.email, p.name, p.language, p.tier, p.preferences, p.version, p.created_at,
       true AS registered, a.proven_at IS NOT NULL AS email_proven
FROM accounts a JOIN people p USING (person_id) WHERE a.email_key = $1
ORDER BY a.proven_at IS NULL, a.created_at LIMIT $2;

-- name: change
-- Optimistic: no change unless the person is at version $6. Version 1 has no row.
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
-- The lock of an address, for sending a verification mail to it and for giving it to an account.
SELECT pg_advisory_xact_lock(hashtextextended($1, 20261121));

-- name: register_person
-- The guest's settings stay, except the given ones. $4: NULL leaves the language.
INSERT INTO people AS p (person_id, email, name, language) VALUES ($1, $2, $3, coalesce($4, 'en'))
ON CONFLICT (person_id) DO UPDATE SET email = excluded.email, name = excluded.name,
  language = coalesce($4, p.language), version = p.version + 1;

-- name: register_account
-- $4: the person had tokens before, as a guest. No row: the person has an account already.
INSERT INTO accounts (person_id, email_key, password_hash, tokens_changed_at)
VALUES ($1, $2, $3, CASE WHEN $4 THEN clock_timestamp() END)
ON CONFLICT DO NOTHING RETURNING person_id;

-- name: enqueue_welcome
-- The mail with the link that proves the address. $3: the most per day; each of them serves all who claim it.
SELECT enqueue_notifications(
  ARRAY[ROW('welcome', $2::text, NULL, $1::uuid, NULL, NULL, NULL, '{}')::notification_command])
FROM people p WHERE p.person_id = $1 AND $3 > (
  SELECT count(*) FROM notifications n WHERE n.kind = 'welcome' AND lower(n.email) = lower(p.email)
    AND n.queued_at > now() - interval '1 day');

-- name: house_salt
SELECT salt FROM house_salt;

-- name: account_by_hash
-- The owner of the address comes before those who only claim it.
SELECT person_id::text, password_hash FROM accounts WHERE email_key = $1 AND password_hash = $2
ORDER BY proven_at IS NULL, created_at LIMIT 1;

-- name: account_with_own_salt
SELECT person_id::text, password_hash FROM accounts WHERE email_key = $1 AND own_salt
ORDER BY created_at LIMIT 1;

-- name: account
SELECT email_key, password_hash, own_salt FROM accounts WHERE person_id = $1;

-- name: change_account
-- No row: the password is no longer the checked one ($3). $5: it is a new password, and earlier tokens are
-- refused; else the same one, hashed with the salt of another address ($2).
UPDATE accounts SET email_key = $2, password_hash = $4, own_salt = false,
  proven_at = CASE WHEN email_key = $2 THEN proven_at END,
  password_at = CASE WHEN $5 THEN now() ELSE password_at END,
  token_version = token_version + $5::boolean::integer,
  tokens_changed_at = CASE WHEN $5 THEN clock_timestamp() ELSE tokens_changed_at END
WHERE person_id = $1 AND password_hash = $3 RETURNING token_version;

-- name: hash_anew
-- The same password; no row: it is no longer the checked one.
UPDATE accounts SET password_hash = $3, own_salt = false
WHERE person_id = $1 AND password_hash = $2 RETURNING person_id;

-- name: token_changes
-- People whose tokens have become invalid in the last $1 seconds, by the database's clock.
SELECT person_id::text, token_version FROM accounts
WHERE tokens_changed_at > clock_timestamp() - make_interval(secs => $1);

-- name: guest_at_stake
-- Whether a person has an account, and whether a guest still has a reason to come back: a booking or a
-- waitlist entry of an event that began less than $2 seconds ago, or whose beginning is not known here.
SELECT EXISTS (SELECT FROM accounts WHERE person_id = $1) AS has_account,
       EXISTS (
         SELECT FROM (
           SELECT event_id FROM bookings WHERE buyer_id = $1
           UNION ALL
           SELECT event_id FROM waitlist_entries WHERE person_id = $1 AND status IN ('waiting', 'offered')
         ) mine LEFT JOIN told_events t USING (event_id)
         WHERE t.starts_at IS NULL OR t.starts_at > now() - make_interval(secs => $2)
       ) AS at_stake;

-- name: claims
-- The claims of the address that person $1 claims: that person first, then person $3, then the newest.
SELECT a.person_id::text, a.email_key, p.email, p.name, a.created_at, a.proven_at IS NOT NULL AS is_proven
FROM accounts mine JOIN accounts a USING (email_key) JOIN people p ON p.person_id = a.person_id
WHERE mine.person_id = $1
ORDER BY a.person_id <> $1, a.person_id IS DISTINCT FROM $3, a.proven_at IS NULL, a.created_at DESC
LIMIT $2;

-- name: prove_claim
-- No row: the person claims another address by now.
UPDATE accounts SET proven_at = coalesce(proven_at, clock_timestamp())
WHERE person_id = $1 AND email_key = $2 RETURNING person_id;

-- name: proven_claim
SELECT person_id::text FROM accounts WHERE email_key = $1 AND proven_at IS NOT NULL;

-- name: drop_claims
-- Ends all claims of the address but $1's.
WITH lost AS (
  UPDATE accounts SET email_key = NULL WHERE email_key = $2 AND person_id <> $1 RETURNING person_id
)
UPDATE people p SET email = NULL, version = p.version + 1 FROM lost WHERE p.person_id = lost.person_id;

-- name: open_session
-- No row: the password is no longer the checked one ($4).
WITH opened AS (
  INSERT INTO sessions (session_id, person_id, token_hash, expires_at)
  SELECT $1, person_id, $3, clock_timestamp() + make_interval(secs => $5) FROM accounts
  WHERE person_id = $2 AND password_hash = $4 RETURNING person_id
) SELECT token_version FROM opened JOIN accounts USING (person_id);

-- name: session
-- Its lock serialises exchanges of one family.
SELECT s.person_id::text, token_hash, used_hash, seed, ended_at IS NOT NULL AS ended,
       expires_at <= clock_timestamp() AS expired,
       rotated_at > clock_timestamp() - make_interval(secs => $2) AS in_grace, a.token_version
FROM sessions s JOIN accounts a USING (person_id) WHERE session_id = $1 FOR UPDATE OF s;

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
-- Ended ones are kept until they would have expired, to recognise a token that is sent again.
DELETE FROM sessions WHERE expires_at < now() - interval '1 day';

-- name: prove_address
-- $1 email_key: somebody has followed a link mailed to this address.
INSERT INTO proven_addresses (email_key) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: is_proven_address
-- $1 email_key
SELECT EXISTS (SELECT FROM proven_addresses WHERE email_key = $1) AS is_proven;
