-- What staff see of an event's bookings ($1), the newest first, from before the booking $2, of one state or
-- all ($3), at most $4. Each way to find them has a query of its own, so that each has its index.

-- name: page
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM bookings b JOIN payments p USING (event_id, booking_id)
WHERE b.event_id = $1 AND b.booking_id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::booking_status IS NULL OR b.status = $3)
ORDER BY b.booking_id DESC LIMIT $4;

-- name: of_seats
-- Those that have or had one of the seats $5.
WITH theirs AS MATERIALIZED (
  SELECT DISTINCT booking_id FROM booking_items WHERE event_id = $1 AND seat_no = ANY($5::integer[])
)
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM theirs t JOIN bookings b ON b.event_id = $1 AND b.booking_id = t.booking_id
JOIN payments p ON p.event_id = $1 AND p.booking_id = t.booking_id
WHERE b.booking_id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::booking_status IS NULL OR b.status = $3)
ORDER BY b.booking_id DESC LIMIT $4;

-- name: of_address
-- Those under an address in its compared form ($6), of some seats ($5) or any. The address is looked up by
-- itself: the planner would rather read a small event whole.
WITH theirs AS MATERIALIZED (
  SELECT event_id, booking_id FROM bookings WHERE lower(email) = $6
)
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM theirs t JOIN bookings b ON b.event_id = $1 AND b.booking_id = t.booking_id
JOIN payments p ON p.event_id = $1 AND p.booking_id = t.booking_id
WHERE t.event_id = $1 AND b.booking_id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::booking_status IS NULL OR b.status = $3)
  AND ($5::integer[] IS NULL OR EXISTS (SELECT FROM booking_items i
    WHERE i.event_id = $1 AND i.booking_id = b.booking_id AND i.seat_no = ANY($5)))
ORDER BY b.booking_id DESC LIMIT $4;

-- name: of_references
-- Those with one of the references $6, of some seats ($5) or any.
WITH theirs AS MATERIALIZED (
  SELECT event_id, booking_id FROM bookings WHERE reference = ANY($6::text[])
)
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM theirs t JOIN bookings b ON b.event_id = $1 AND b.booking_id = t.booking_id
JOIN payments p ON p.event_id = $1 AND p.booking_id = t.booking_id
WHERE t.event_id = $1 AND b.booking_id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::booking_status IS NULL OR b.status = $3)
  AND ($5::integer[] IS NULL OR EXISTS (SELECT FROM booking_items i
    WHERE i.event_id = $1 AND i.booking_id = b.booking_id AND i.seat_no = ANY($5)))
ORDER BY b.booking_id DESC LIMIT $4;

-- name: of_words
-- Those of some seats ($5) or any with every word of a text ($6) in name, address or reference. It reads the
-- event's bookings until the page is full.
WITH wanted AS MATERIALIZED (
  SELECT array_agg(word) AS words FROM regexp_split_to_table(search_form($6), '\s+') word WHERE word <> ''
)
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM bookings b JOIN payments p USING (event_id, booking_id)
CROSS JOIN wanted w
CROSS JOIN LATERAL (SELECT search_form(b.name || ' ' || b.email || ' ' || b.reference)) f(form)
WHERE b.event_id = $1 AND b.booking_id < coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
  AND ($3::booking_status IS NULL OR b.status = $3)
  AND NOT EXISTS (SELECT FROM unnest(w.words) word WHERE strpos(f.form, word) = 0)
  AND ($5::integer[] IS NULL OR EXISTS (SELECT FROM booking_items i
    WHERE i.event_id = $1 AND i.booking_id = b.booking_id AND i.seat_no = ANY($5)))
ORDER BY b.booking_id DESC LIMIT $4;

-- name: of_reference
-- The booking with a reference ($1), of one event or any ($2).
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM bookings b JOIN payments p USING (event_id, booking_id)
WHERE b.reference = $1 AND ($2::uuid IS NULL OR b.event_id = $2) ORDER BY b.booking_id DESC LIMIT 1;

-- name: of_id
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor
FROM bookings b JOIN payments p USING (event_id, booking_id) WHERE b.booking_id = $1;

-- name: attendees
-- One row for each place of an event's bookings of one state ($2) or all (NULL), in the order of sale, behind
-- the place ($3 booking_id, $4 item_no, $5 place_no); at most $6, or all (NULL).
SELECT b.booking_id, b.reference, b.status, b.name, b.email, b.created_at, b.currency,
       i.item_no, place.place_no, i.seat_no, i.area_no, i.category_no, i.amount_minor
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
CROSS JOIN LATERAL generate_series(1, i.quantity) place(place_no)
WHERE b.event_id = $1 AND ($2::booking_status IS NULL OR b.status = $2)
  AND b.booking_id >= $3::uuid AND (b.booking_id, i.item_no::integer, place.place_no) > ($3, $4::integer, $5::integer)
ORDER BY b.booking_id, i.item_no, place.place_no LIMIT $6;

-- name: correct
SELECT outcome, version FROM correct_booking($1, $2, $3, $4, $5, $6, $7, $8);

-- name: resend
SELECT outcome, status, mail_id, email FROM resend_tickets($1, $2, $3);
