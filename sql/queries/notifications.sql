-- name: claim
-- Leases due mails until $3 seconds from now; mails of a killed worker are due again by then. Bookings and
-- offers, with their deadlines, come first (notifications_turn_idx).
WITH d AS MATERIALIZED (
  SELECT event_id, notification_id FROM notifications
  WHERE status = 'queued' AND due_at <= now()
  ORDER BY CASE WHEN kind IN (
      'booking-confirmed', 'booking-cancelled', 'booking-refunded', 'offer-made', 'offer-expiring')
    THEN 0 ELSE 1 END, due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE notifications n SET leased_by = $1, due_at = now() + make_interval(secs => $3)
FROM d
WHERE n.event_id = d.event_id AND n.notification_id = d.notification_id
RETURNING n.event_id::text, n.notification_id::text, n.kind, n.cause, n.person_id::text, n.email, n.name,
          n.language, n.facts, n.attempts, n.deferrals, n.queued_at, n.counted;

-- name: take_allowances
SELECT notification_id::text, outcome FROM take_mail_allowances($1, $2, $3, $4);

-- name: let_go_of_proven
-- Makes mails due that were held for addresses that are proven by now.
UPDATE notifications n SET held_for = NULL, due_at = now()
FROM proven_addresses p WHERE p.email_key = n.held_for AND n.status = 'queued' AND n.leased_by IS NULL;

-- name: forget_counts
DELETE FROM mail_counts WHERE day < (now() AT TIME ZONE 'UTC')::date - 1;

-- name: release
-- Due again after $4 seconds, without counting an attempt, because the mail is not at fault.
UPDATE notifications SET leased_by = NULL, due_at = now() + make_interval(secs => $4)
WHERE (event_id, notification_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
  AND status = 'queued' AND leased_by = $3;

-- name: hand_over
-- From here on the end of the message may be sent. No row: the lease has ended and another worker has it.
WITH moved AS (
  UPDATE notifications SET status = 'sending', attempts = attempts + 1,
    due_at = now() + make_interval(secs => $4)
  WHERE event_id = $1 AND notification_id = $2 AND status = 'queued' AND leased_by = $3
  RETURNING event_id, notification_id, attempts
)
INSERT INTO notification_attempts (event_id, notification_id, attempt_no, outcome, started_at)
SELECT event_id, notification_id, attempts, 'under-way', $5 FROM moved RETURNING attempt_no;

-- name: answer
-- The outcome of a message that was handed over, also if it was given up meanwhile.
WITH noted AS (
  UPDATE notification_attempts SET outcome = $4, reply = $5, ended_at = clock_timestamp()
  WHERE event_id = $1 AND notification_id = $2 AND attempt_no = $3
    AND outcome IN ('under-way', 'unknown')
  RETURNING event_id, notification_id, attempt_no
)
UPDATE notifications n SET status = $6::notification_status, reason = $7, leased_by = NULL,
  deferrals = n.deferrals + ($4 = 'deferred')::integer,
  due_at = CASE $6 WHEN 'queued' THEN now() + make_interval(secs => $8) ELSE n.due_at END,
  ended_at = CASE WHEN $6 <> 'queued' THEN now() END
FROM noted
WHERE n.event_id = noted.event_id AND n.notification_id = noted.notification_id
  AND n.attempts = noted.attempt_no AND n.status IN ('sending', 'unknown')
RETURNING n.notification_id;

-- name: failed
-- An attempt that ended before the message was handed over.
WITH moved AS (
  UPDATE notifications SET status = $6::notification_status, reason = $7, leased_by = NULL,
    attempts = attempts + 1, deferrals = deferrals + ($4 = 'deferred' OR $4 = 'unwritable')::integer,
    due_at = CASE $6 WHEN 'queued' THEN now() + make_interval(secs => $8) ELSE due_at END,
    ended_at = CASE WHEN $6 <> 'queued' THEN now() END
  WHERE event_id = $1 AND notification_id = $2 AND status = 'queued' AND leased_by = $3
  RETURNING event_id, notification_id, attempts
)
INSERT INTO notification_attempts (event_id, notification_id, attempt_no, outcome, reply, started_at, ended_at)
SELECT event_id, notification_id, attempts, $4, $5, $9, clock_timestamp() FROM moved RETURNING attempt_no;

-- name: skip
UPDATE notifications SET status = 'skipped', reason = $4, leased_by = NULL, ended_at = now()
WHERE event_id = $1 AND notification_id = $2 AND status = 'queued' AND leased_by = $3;

-- name: keep
-- Without a mail server: the mail is kept here, and that is its delivery.
WITH moved AS (
  UPDATE notifications SET status = 'sent', attempts = attempts + 1, leased_by = NULL, reason = NULL, ended_at = now()
  WHERE event_id = $1 AND notification_id = $2 AND status = 'queued' AND leased_by = $3
  RETURNING event_id, notification_id, attempts
), noted AS (
  INSERT INTO notification_attempts (event_id, notification_id, attempt_no, outcome, reply, ended_at)
  SELECT event_id, notification_id, attempts, 'accepted', 'kept for /dev/mail', clock_timestamp() FROM moved
)
INSERT INTO kept_mails (event_id, notification_id, message)
SELECT event_id, notification_id, $4 FROM moved
ON CONFLICT (event_id, notification_id) DO UPDATE SET message = excluded.message, kept_at = now()
RETURNING notification_id;

-- name: give_up_hoping
-- Mails that a worker handed over without recording an answer.
WITH lost AS (
  UPDATE notifications SET status = 'unknown',
    reason = 'The worker ended, or lost its database, before an answer was recorded.',
    leased_by = NULL, ended_at = now()
  WHERE (event_id, notification_id) IN (
    SELECT event_id, notification_id FROM notifications WHERE status = 'sending' AND due_at <= now()
    FOR UPDATE SKIP LOCKED)
  RETURNING event_id, notification_id, attempts, kind
), noted AS (
  UPDATE notification_attempts a SET outcome = 'unknown', ended_at = clock_timestamp() FROM lost
  WHERE a.event_id = lost.event_id AND a.notification_id = lost.notification_id AND a.attempt_no = lost.attempts
    AND a.outcome = 'under-way'
)
SELECT kind FROM lost;

-- name: standing
-- Waiting mails, their age, and mails that need a person. Without mails held for a day, which are not delayed.
SELECT count(*) FILTER (WHERE status IN ('queued', 'sending')) AS queued,
       count(*) FILTER (WHERE status = 'dead') AS dead,
       count(*) FILTER (WHERE status = 'unknown') AS unknown,
       coalesce(extract(epoch FROM now() - min(queued_at)
         FILTER (WHERE status IN ('queued', 'sending'))), 0)::float8 AS age_s
FROM notifications WHERE status IN ('queued', 'sending') AND held_for IS NULL OR status IN ('dead', 'unknown');

-- name: untold
-- Taken before they are sent: a live message is delivered at most once.
WITH d AS MATERIALIZED (
  SELECT event_id, notification_id FROM notifications WHERE to_tell
  ORDER BY event_id, notification_id LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE notifications n SET to_tell = false
FROM d
WHERE n.event_id = d.event_id AND n.notification_id = d.notification_id
RETURNING n.event_id::text, n.kind, n.person_id::text, n.facts,
  coalesce((SELECT (p.preferences ->> 'live')::boolean FROM people p WHERE p.person_id = n.person_id), true) AS wanted;

-- name: announce
SELECT announce_event($1, $2, $3, $4);

-- name: told_event
SELECT version, name, venue, starts_at, timezone FROM told_events WHERE event_id = $1 FOR UPDATE;

-- name: note_told_event
-- A page older than the announced one changes nothing.
INSERT INTO told_events AS t (event_id, version, name, venue, starts_at, timezone)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (event_id) DO UPDATE SET version = excluded.version, name = excluded.name,
  venue = excluded.venue, starts_at = excluded.starts_at, timezone = excluded.timezone
WHERE t.version < excluded.version;

-- name: person
SELECT preferences, language FROM people WHERE person_id = $1;

-- name: switch_off
-- Switches mails of topic $2 off; no change if they are off already.
INSERT INTO people AS p (person_id, preferences)
VALUES ($1, jsonb_build_object('email', jsonb_build_object($2::text, false)))
ON CONFLICT (person_id) DO UPDATE SET version = p.version + 1,
  preferences = p.preferences || jsonb_build_object('email',
    coalesce(p.preferences -> 'email', '{}') || jsonb_build_object($2::text, false))
  WHERE p.preferences #>> ARRAY['email', $2] IS DISTINCT FROM 'false';

-- name: list
-- The newest first. $1: statuses or NULL, $2: kind, $3: event, $4: address, $5: the mail before the page.
SELECT n.*, NULL::jsonb AS log FROM notifications n
WHERE ($1::text[] IS NULL OR n.status = ANY($1::text[]::notification_status[]))
  AND ($2::text IS NULL OR n.kind = $2) AND ($3::uuid IS NULL OR n.event_id = $3)
  AND ($4::text IS NULL OR lower(n.email) = lower($4)) AND ($5::uuid IS NULL OR n.notification_id < $5)
ORDER BY n.notification_id DESC LIMIT $6;

-- name: read
SELECT n.*, (SELECT jsonb_agg(jsonb_build_object('attempt_no', a.attempt_no, 'outcome', a.outcome, 'reply', a.reply,
                                                 'started_at', a.started_at, 'ended_at', a.ended_at)
                              ORDER BY a.attempt_no)
             FROM notification_attempts a
             WHERE a.event_id = n.event_id AND a.notification_id = n.notification_id) AS log
FROM notifications n WHERE n.notification_id = $1;

-- name: resend
-- A manual retry: dead, unknown or skipped mails are queued again, under their own Message-ID, regardless of
-- the address's daily limit.
WITH again AS (
  UPDATE notifications SET status = 'queued', due_at = now(), queued_at = now(), deferrals = 0, reason = NULL,
    ended_at = NULL, leased_by = NULL, counted = true
  WHERE notification_id = ANY($1::uuid[]) AND status IN ('dead', 'unknown', 'skipped') AND email IS NOT NULL
  RETURNING event_id, notification_id, kind
), noted AS (
  INSERT INTO audit (event_id, action, actor, details)
  SELECT event_id, 'mail-sent-again', $2, jsonb_build_object('notification_id', notification_id, 'kind', kind)
  FROM again
)
SELECT notification_id::text FROM again;

-- name: failed_ids
SELECT notification_id::text FROM notifications
WHERE status IN ('dead', 'unknown') AND status = ANY($1::text[]::notification_status[])
ORDER BY notification_id LIMIT $2;

-- name: kept
-- The newest first.
SELECT n.notification_id::text, n.kind, n.email, n.name, n.language, k.kept_at, octet_length(k.message) AS size,
       substring(k.message FROM 1 FOR 4096) AS head
FROM kept_mails k JOIN notifications n USING (event_id, notification_id)
ORDER BY k.kept_at DESC, n.notification_id DESC LIMIT $1;

-- name: kept_messages
-- The newest first, whole.
SELECT n.kind, n.email, k.message
FROM kept_mails k JOIN notifications n USING (event_id, notification_id)
ORDER BY k.kept_at DESC, n.notification_id DESC LIMIT $1;

-- name: kept_mail
SELECT k.message FROM kept_mails k JOIN notifications n USING (event_id, notification_id)
WHERE n.notification_id = $1;

-- name: forget_kept
-- All but the newest $1.
DELETE FROM kept_mails WHERE kept_at < (SELECT kept_at FROM kept_mails ORDER BY kept_at DESC OFFSET $1 LIMIT 1);

-- name: forget
-- Up to $2 mails that nobody needs any more, with their log: sent or skipped more than $1 days ago, of events
-- that began before that. Until then their rows keep a cause from being announced twice; a cause that old
-- does not occur again.
WITH gone AS MATERIALIZED (
  SELECT n.event_id, n.notification_id
  FROM (SELECT event_id FROM told_events WHERE starts_at < now() - make_interval(days => $1)
        UNION ALL SELECT '00000000-0000-0000-0000-000000000000') e
  JOIN notifications n USING (event_id)
  WHERE n.status IN ('sent', 'skipped') AND NOT n.to_tell AND n.ended_at < now() - make_interval(days => $1)
  LIMIT $2 FOR UPDATE OF n SKIP LOCKED
), attempts AS (
  DELETE FROM notification_attempts WHERE (event_id, notification_id) IN (SELECT * FROM gone)
), kept AS (
  DELETE FROM kept_mails WHERE (event_id, notification_id) IN (SELECT * FROM gone)
), mails AS (
  DELETE FROM notifications WHERE (event_id, notification_id) IN (SELECT * FROM gone) RETURNING 1
)
SELECT count(*)::integer FROM mails;

-- name: templates_in_force
SELECT DISTINCT ON (c.kind, c.language) c.kind, c.language, c.version, c.actor, c.chosen_at, t.source, t.note
FROM mail_template_choices c JOIN mail_templates t USING (kind, language, version)
ORDER BY c.kind, c.language, c.choice_no DESC;

-- name: template
SELECT kind, language, version, source, subject, html, text, note, created_at
FROM mail_templates WHERE kind = $1 AND language = $2 AND version = $3;

-- name: template_versions
SELECT kind, language, version, source, subject, html, text, note, created_at
FROM mail_templates WHERE kind = $1 AND language = $2 ORDER BY version DESC;

-- name: lock_template
-- The lock for numbering versions or choices of a kind.
SELECT pg_advisory_xact_lock(hashtextextended('mail-template:' || $1 || ':' || $2, 6));

-- name: add_template
-- No row: the product's text exists already.
INSERT INTO mail_templates (kind, language, version, source, subject, html, text, digest, note)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3, $4, $5, $6, $7, $8 FROM mail_templates
WHERE kind = $1 AND language = $2
ON CONFLICT (kind, language, digest) WHERE source = 'product' DO NOTHING
RETURNING version, created_at;

-- name: choose_template
INSERT INTO mail_template_choices (kind, language, choice_no, version, actor)
SELECT $1, $2, coalesce(max(choice_no), 0) + 1, $3, $4 FROM mail_template_choices WHERE kind = $1 AND language = $2
RETURNING choice_no;

-- name: choices
-- The versions that were in force, the latest first.
SELECT c.version, c.actor FROM mail_template_choices c WHERE c.kind = $1 AND c.language = $2 ORDER BY c.choice_no DESC;
