-- Queues mails about facts that the caller's transaction has just made true: one row per kind, cause and
-- recipient; existing rows stay unchanged. Address, name and language that are NULL are taken from people. An
-- address '', or one under .invalid, which nobody has (RFC 2606), means: send no mail. Returns the number of
-- new rows.
CREATE OR REPLACE FUNCTION enqueue_notifications(p_mails notification_command[]) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  made integer;
BEGIN
  WITH asked AS (
    SELECT a.kind, a.cause, a.person_id, a.facts, a.ord,
           coalesce(a.event_id, '00000000-0000-0000-0000-000000000000') AS event_id,
           CASE WHEN coalesce(a.email, p.email) NOT LIKE '%.invalid'
             THEN nullif(coalesce(a.email, p.email), '') END AS email,
           coalesce(a.name, p.name, '') AS name,
           coalesce(a.language, p.language) AS language,
           a.kind IN ('event-changed', 'event-cancelled') AS is_told
    FROM unnest(p_mails) WITH ORDINALITY a(kind, cause, event_id, person_id, email, name, language, facts, ord)
    LEFT JOIN people p ON p.person_id = a.person_id
  )
  INSERT INTO notifications (event_id, kind, cause, person_id, email, name, language, facts, status,
                             reason, ended_at, to_tell)
  SELECT event_id, kind, cause, person_id, email, name, language, coalesce(facts, '{}'),
         CASE WHEN email IS NULL THEN 'skipped' ELSE 'queued' END::notification_status,
         CASE WHEN email IS NULL THEN 'no-address' END,
         CASE WHEN email IS NULL THEN now() END,
         is_told AND row_number() OVER (PARTITION BY kind, cause, person_id ORDER BY ord) = 1
  FROM asked WHERE email IS NOT NULL OR is_told
  ORDER BY event_id, cause, kind, person_id
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END $$;
