-- name: booking
-- The data that a booking's links must agree with.
SELECT event_id::text, buyer_id::text AS person_id, email, link_generation FROM bookings WHERE booking_id = $1;

-- name: entry
-- The same for an entry. The address is the one that its mails go to.
SELECT e.event_id::text, e.person_id::text, coalesce(e.email, p.email) AS email, e.link_generation
FROM waitlist_entries e LEFT JOIN people p USING (person_id) WHERE e.entry_id = $1;

-- name: of_event
-- The target of a person's link for an event ($1) and an address ($3): the latest live booking, else a waitlist
-- entry, else the latest booking.
SELECT kind, id::text FROM (
  SELECT 'booking' AS kind, booking_id AS id, CASE WHEN live THEN 1 ELSE 3 END AS worth FROM bookings
  WHERE buyer_id = $2 AND event_id = $1 AND lower(email) = lower($3)
  UNION ALL
  SELECT 'entry', e.entry_id, 2 FROM waitlist_entries e LEFT JOIN people p USING (person_id)
  WHERE e.person_id = $2 AND e.event_id = $1 AND lower(coalesce(e.email, p.email)) = lower($3)
) had ORDER BY worth, id DESC LIMIT 1;

-- name: of_address
-- The latest $2 confirmed bookings under an address in its compared form (people.email_key).
SELECT booking_id::text, event_id::text FROM bookings
WHERE lower(email) = $1 AND status = 'confirmed' ORDER BY booking_id DESC LIMIT $2;

-- name: end_of_booking
-- No row: it belongs to another person.
UPDATE bookings SET link_generation = (link_generation + 1) % 32768
WHERE booking_id = $1 AND buyer_id = $2 RETURNING event_id;

-- name: end_of_entry
UPDATE waitlist_entries SET link_generation = (link_generation + 1) % 32768
WHERE entry_id = $1 AND person_id = $2 RETURNING event_id;

-- name: enqueue_lookup
-- One mail for each cause ($1), which is an address and a time: a repetition has no effect. Whether there
-- are bookings under the address is checked only when the mail is written.
SELECT enqueue_notifications(ARRAY[ROW('booking-links', $1::text, NULL,
  '00000000-0000-0000-0000-000000000000', $2::text, '', $3::text, '{}')::notification_command]);
