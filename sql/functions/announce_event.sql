-- Notifies everybody concerned by an event: buyers with a live booking, and people in the waitlist. Each
-- address gets one mail; another person with the same address is notified on the live channel.
CREATE OR REPLACE FUNCTION announce_event(p_event_id uuid, p_kind text, p_cause text, p_facts jsonb)
RETURNS integer LANGUAGE sql AS $$
  WITH concerned AS (
    SELECT buyer_id AS person_id, email, name, NULL::text AS language FROM bookings
    WHERE event_id = p_event_id AND live
    UNION ALL
    SELECT person_id, email, name, language FROM waitlist_entries
    WHERE event_id = p_event_id AND status IN ('waiting', 'offered')
  ), addressed AS (
    SELECT DISTINCT ON (c.person_id, lower(coalesce(c.email, p.email, '')))
           c.person_id, coalesce(c.email, p.email, '') AS email, c.name, c.language
    FROM concerned c LEFT JOIN people p ON p.person_id = c.person_id
    ORDER BY c.person_id, lower(coalesce(c.email, p.email, '')), c.language NULLS LAST
  ), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY lower(email) ORDER BY person_id) AS of_address,
           row_number() OVER (PARTITION BY person_id ORDER BY email = '', email) AS of_person
    FROM addressed
  ), recipients AS (
    SELECT person_id, CASE WHEN of_address = 1 THEN email ELSE '' END AS email, name, language
    FROM numbered WHERE (email <> '' AND of_address = 1) OR of_person = 1
  )
  SELECT enqueue_notifications(array_agg(ROW(
    p_kind, p_cause, p_event_id, person_id, email, nullif(name, ''), language, p_facts)::notification_command))
  FROM recipients
$$;
