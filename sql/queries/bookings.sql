-- name: reserve
SELECT * FROM reserve_bookings($1, $2, $3);

-- name: confirm
SELECT * FROM confirm_bookings($1, $2, $3, $4, $5, $6);

-- name: end_bookings
SELECT * FROM end_bookings($1, $2, $3, $4, $5, $6, $7, $8);

-- name: booking
-- One booking with everything. Found by id alone, because the caller often does not know the event.
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor, p.decline_code,
       p.provider, p.token, p.provider_ref
FROM bookings b JOIN payments p USING (event_id, booking_id) WHERE b.booking_id = $1;

-- name: booking_items
SELECT booking_id, item_no, seat_no, area_no, category_no, quantity, amount_minor FROM booking_items
WHERE (event_id, booking_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[])) ORDER BY booking_id, item_no;

-- name: bookings_of_buyer
SELECT b.*, p.status AS payment_status, p.amount_minor AS paid_minor, p.decline_code,
       p.provider, p.token, p.provider_ref
FROM bookings b JOIN payments p USING (event_id, booking_id)
WHERE b.buyer_id = $1 AND ($2::uuid IS NULL OR b.booking_id < $2) ORDER BY b.booking_id DESC LIMIT $3;

-- name: event_has_begun
SELECT coalesce((SELECT starts_at <= now() FROM told_events WHERE event_id = $1), false);

-- name: live_booking_of_hold
SELECT booking_id::text, status FROM bookings WHERE event_id = $1 AND hold_id = $2 AND live;

-- name: settlement
-- The settlement of a confirmed booking for Redis, as of now.
SELECT payload FROM settlements(ARRAY[$1::uuid], ARRAY[$2::uuid], ARRAY[1], 'booked');

-- name: tickets
SELECT t.ticket_id, t.code, t.void, i.seat_no, i.area_no, i.category_no, t.place_no
FROM tickets t JOIN booking_items i USING (event_id, booking_id, item_no)
WHERE t.event_id = $1 AND t.booking_id = $2 ORDER BY t.item_no, t.place_no;

-- name: idempotency
-- The earlier answer to buyer $1 under a key: to the same request ($3), about the same hold ($4), or in the
-- same event, if that is known ($5).
SELECT k.fingerprint, k.booking_id, k.response
FROM idempotency_keys k JOIN bookings b USING (event_id, booking_id)
WHERE k.buyer_id = $1 AND k.key = $2 AND (k.fingerprint = $3 OR b.hold_id = $4 OR k.event_id = $5)
ORDER BY k.fingerprint <> $3, k.event_id IS DISTINCT FROM $5 LIMIT 1;

-- name: answer_keys
-- The answers to first requests, to be given again; only the first answer is stored.
SELECT answer_keys($1, $2, $3, $4);

-- name: forget_old_keys
DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours' AND response IS NOT NULL;

-- name: pending_to_chase
-- Pending bookings left behind by their process (for $1 seconds), or whose own time is over. Without those
-- of stuck events ($3), which must not fill the list.
SELECT b.event_id::text, b.booking_id::text, b.request_id, b.expires_at <= now() AS due
FROM bookings b
WHERE b.status = 'pending' AND (b.expires_at <= now() OR b.created_at <= now() - make_interval(secs => $1))
  AND b.event_id <> ALL($3::uuid[])
ORDER BY b.expires_at LIMIT $2;

-- name: live_bookings_of_cancelled_events
-- Without those of stuck events ($2).
SELECT b.event_id::text, b.booking_id::text FROM bookings b JOIN events e USING (event_id)
WHERE e.status = 'cancelled' AND b.status = 'confirmed' AND b.event_id <> ALL($2::uuid[]) LIMIT $1;

-- name: refunded
SELECT note_refund($1, $2, $3);
