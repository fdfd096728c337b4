-- Each query lists what breaks an invariant of one event ($1); no row, no violation. engine.auditor
-- says which invariant each one is about, and reads them all in one snapshot.

-- name: live_bookings
-- Not a check: what the auditor compares Redis's holds with.
SELECT b.hold_id::text, b.booking_id::text, b.buyer_id::text, b.status::text,
       coalesce(string_agg(i.seat_no::text, ',' ORDER BY i.seat_no) FILTER (WHERE i.seat_no IS NOT NULL), '') AS seats,
       coalesce(string_agg(i.area_no || ':' || i.quantity, ',' ORDER BY i.area_no) FILTER (WHERE i.area_no IS NOT NULL), '') AS areas
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
WHERE b.event_id = $1 AND b.live GROUP BY b.event_id, b.booking_id;

-- name: seats_against_sales
-- A reserved or sold seat and exactly one live item of a pending or confirmed booking.
WITH claimed AS (
  SELECT seat_no, state, booking_id FROM seats WHERE event_id = $1 AND state IN ('reserved', 'sold')
), sales AS (
  SELECT i.seat_no, i.booking_id, b.status FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE i.event_id = $1 AND i.live AND i.seat_no IS NOT NULL
)
SELECT coalesce(c.seat_no, s.seat_no) AS seat_no, c.state AS seat_state, c.booking_id AS seat_of,
       s.booking_id AS sold_by, s.status AS sale_status
FROM claimed c FULL JOIN sales s ON s.seat_no = c.seat_no AND s.booking_id = c.booking_id
WHERE c.seat_no IS NULL OR s.seat_no IS NULL
   OR c.state::text <> CASE s.status WHEN 'pending' THEN 'reserved' WHEN 'confirmed' THEN 'sold' ELSE 'none' END;

-- name: items_against_bookings
-- Items live and die with their booking, and no booking is without.
SELECT b.booking_id, b.status, b.live, count(i.item_no) AS items, count(i.item_no) FILTER (WHERE i.live) AS live_items
FROM bookings b LEFT JOIN booking_items i USING (event_id, booking_id) WHERE b.event_id = $1
GROUP BY b.event_id, b.booking_id
HAVING count(i.item_no) = 0 OR count(i.item_no) FILTER (WHERE i.live) <> CASE WHEN b.live THEN count(i.item_no) ELSE 0 END;

-- name: tickets_against_sales
-- A confirmed booking has a valid ticket for each place, a cancelled one void ones, any other none.
WITH places AS (
  SELECT booking_id, sum(quantity) AS n FROM booking_items WHERE event_id = $1 GROUP BY booking_id
), issued AS (
  SELECT booking_id, count(*) FILTER (WHERE NOT void) AS valid, count(*) FILTER (WHERE void) AS void
  FROM tickets WHERE event_id = $1 GROUP BY booking_id
)
SELECT b.booking_id, b.status, p.n AS places, coalesce(t.valid, 0) AS valid, coalesce(t.void, 0) AS void
FROM bookings b JOIN places p USING (booking_id) LEFT JOIN issued t USING (booking_id)
WHERE b.event_id = $1
  AND (coalesce(t.valid, 0) <> CASE b.status WHEN 'confirmed' THEN p.n ELSE 0 END
    OR coalesce(t.void, 0) <> CASE b.status WHEN 'cancelled' THEN p.n ELSE 0 END);

-- name: payments_against_bookings
-- One price said three times (items, booking, payment), and a payment that stands where its booking does.
WITH prices AS (
  SELECT booking_id, sum(quantity * amount_minor) AS amount FROM booking_items WHERE event_id = $1 GROUP BY booking_id
)
SELECT b.booking_id, b.status, p.status AS payment, b.amount_minor AS booked, p.amount_minor AS paid, i.amount AS items
FROM bookings b JOIN events e USING (event_id) JOIN prices i USING (booking_id)
LEFT JOIN payments p USING (event_id, booking_id)
WHERE b.event_id = $1 AND (p.booking_id IS NULL OR b.amount_minor <> p.amount_minor OR b.amount_minor <> i.amount
  OR b.currency <> p.currency OR b.currency <> e.currency
  OR NOT (b.status::text, p.status::text) IN (
    ('pending', 'initiated'), ('confirmed', 'captured'), ('cancelled', 'refund_pending'), ('cancelled', 'refunded'),
    ('declined', 'declined'), ('declined', 'refund_pending'), ('declined', 'refunded'),
    ('expired', 'voided'), ('expired', 'refund_pending'), ('expired', 'refunded')));

-- name: charges_against_payments
-- The sandbox's own book, charge by charge: what it has captured is confirmed, refunded or in flight
-- here, and the other way round. In flight: our answer is still to come, or the money is owed back,
-- or the booking expired unanswered and the outbox has the question.
WITH both_books AS (
  SELECT p.booking_id, p.status, c.status AS charge, p.amount_minor, p.currency, c.amount_minor AS charged,
         c.currency AS charged_in, coalesce(c.refunded_minor, 0) AS given_back,
         p.status IN ('initiated', 'refund_pending') OR EXISTS (
           SELECT FROM outbox o WHERE o.event_id = $1 AND o.booking_id = p.booking_id AND o.kind = 'inquire') AS in_flight
  FROM payments p LEFT JOIN sandbox_charges c USING (booking_id)
  WHERE p.event_id = $1 AND p.provider = 'sandbox'
)
SELECT booking_id, status AS payment, charge, amount_minor AS amount, charged, given_back FROM both_books
WHERE CASE coalesce(charge, 'none')
  WHEN 'captured' THEN charged <> amount_minor OR charged_in <> currency OR given_back NOT IN (0, charged)
    OR NOT (status = 'captured' AND given_back = 0 OR status = 'refunded' AND given_back = charged
            OR in_flight AND (given_back = 0 OR status = 'refund_pending'))
  WHEN 'declined' THEN status NOT IN ('initiated', 'declined', 'voided') OR given_back <> 0
  WHEN 'requires_action' THEN status <> 'initiated' AND NOT in_flight OR given_back <> 0
  ELSE status NOT IN ('initiated', 'declined', 'voided') OR given_back <> 0 END;

-- name: money_totals
-- All events: captured = confirmed + refunded + in flight, per currency, exactly; a charge for a
-- booking nobody knows is in none of them.
WITH both_books AS (
  SELECT coalesce(p.currency, c.currency) AS currency, p.status, p.amount_minor,
         CASE WHEN c.status = 'captured' THEN c.amount_minor ELSE 0 END AS captured,
         c.status = 'captured' AND (p.status IN ('initiated', 'refund_pending') OR p.status = 'voided' AND EXISTS (
           SELECT FROM outbox o WHERE o.event_id = p.event_id AND o.booking_id = p.booking_id AND o.kind = 'inquire')) AS in_flight
  FROM (SELECT * FROM payments WHERE provider = 'sandbox') p FULL JOIN sandbox_charges c USING (booking_id)
), totals AS (
  SELECT currency, sum(captured) AS captured,
         coalesce(sum(amount_minor) FILTER (WHERE status = 'captured'), 0) AS confirmed,
         coalesce(sum(amount_minor) FILTER (WHERE status = 'refunded'), 0) AS refunded,
         coalesce(sum(captured) FILTER (WHERE in_flight), 0) AS in_flight
  FROM both_books GROUP BY currency
)
SELECT * FROM totals WHERE captured <> confirmed + refunded + in_flight;

-- name: money_in_flight
-- Quiet: no captured charge waits for us to say what it was for.
SELECT p.booking_id, p.status AS payment, c.status AS charge, p.amount_minor AS amount
FROM payments p LEFT JOIN sandbox_charges c USING (booking_id)
WHERE p.event_id = $1 AND (p.status = 'refund_pending' OR c.status = 'captured' AND p.status IN ('initiated', 'voided', 'declined'));

-- name: reserved_too_late
-- The deadline of the hold is that of the pending booking; nothing is reserved after it.
SELECT booking_id, created_at, expires_at FROM bookings
WHERE event_id = $1 AND status = 'pending' AND created_at >= expires_at;

-- name: pending_overdue
-- Pending longer than their time and $2 seconds.
SELECT booking_id, expires_at FROM bookings
WHERE event_id = $1 AND status = 'pending' AND expires_at < clock_timestamp() - make_interval(secs => $2);

-- name: seat_numbers
-- Seats are numbered 0…N-1 without a gap.
SELECT e.seat_count, count(s.seat_no) AS seats, min(s.seat_no) AS first, max(s.seat_no) AS last
FROM events e LEFT JOIN seats s USING (event_id) WHERE e.event_id = $1 GROUP BY e.event_id
HAVING count(s.seat_no) <> e.seat_count OR e.seat_count > 0 AND (min(s.seat_no) <> 0 OR max(s.seat_no) <> e.seat_count - 1);

-- name: areas_against_sales
WITH sales AS (
  SELECT i.area_no, sum(i.quantity) FILTER (WHERE b.status = 'pending') AS pending,
         sum(i.quantity) FILTER (WHERE b.status = 'confirmed') AS confirmed
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE i.event_id = $1 AND i.live AND i.area_no IS NOT NULL GROUP BY i.area_no
)
SELECT coalesce(a.area_no, s.area_no) AS area_no, a.capacity, a.reserved, a.sold, s.pending, s.confirmed
FROM (SELECT * FROM areas WHERE event_id = $1) a FULL JOIN sales s USING (area_no)
WHERE a.area_no IS NULL OR a.reserved <> coalesce(s.pending, 0) OR a.sold <> coalesce(s.confirmed, 0)
   OR a.reserved + a.sold > a.capacity;

-- name: keys_against_bookings
-- A booking's key leads back to it, alone, and has its answer once the booking is not pending.
-- Keys are kept for a day; an hour of that is left to clocks.
SELECT b.booking_id, b.status, b.idempotency_key AS key, k.booking_id AS key_of, k.response IS NOT NULL AS answered,
       k.response #>> '{booking,booking_id}' AS answer_names
FROM bookings b LEFT JOIN idempotency_keys k ON k.buyer_id = b.buyer_id AND k.key = b.idempotency_key
WHERE b.event_id = $1 AND b.created_at > now() - interval '23 hours'
  AND (k.booking_id IS DISTINCT FROM b.booking_id
    OR k.response IS NOT NULL AND k.response #>> '{booking,booking_id}' IS DISTINCT FROM b.booking_id::text
    OR k.response IS NULL AND b.status <> 'pending');

-- name: keys_without_booking
SELECT k.buyer_id, k.key, k.booking_id FROM idempotency_keys k
WHERE k.event_id = $1 AND NOT EXISTS (
  SELECT FROM bookings b WHERE b.event_id = k.event_id AND b.booking_id = k.booking_id);

-- name: owed_unnoted
-- Money owed back has its row in the outbox until it is given.
SELECT p.booking_id, p.amount_minor AS amount FROM payments p
WHERE p.event_id = $1 AND p.status = 'refund_pending' AND NOT EXISTS (
  SELECT FROM outbox o WHERE o.event_id = p.event_id AND o.booking_id = p.booking_id AND o.kind = 'refund');

-- name: outbox_left
-- Quiet: everything committed has been delivered.
SELECT outbox_id, kind, booking_id, attempts, created_at FROM outbox WHERE event_id = $1;

-- name: claims_against_sales
-- What a buyer's row counts is what the buyer owns.
WITH sales AS (
  SELECT b.buyer_id, sum(i.quantity) FILTER (WHERE b.status = 'pending') AS pending,
         sum(i.quantity) FILTER (WHERE b.status = 'confirmed') AS confirmed
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE i.event_id = $1 AND i.live GROUP BY b.buyer_id
)
SELECT coalesce(c.buyer_id, s.buyer_id) AS buyer_id, c.reserved, c.sold, s.pending, s.confirmed
FROM (SELECT * FROM buyer_claims WHERE event_id = $1) c FULL JOIN sales s USING (buyer_id)
WHERE coalesce(c.reserved, 0) <> coalesce(s.pending, 0) OR coalesce(c.sold, 0) <> coalesce(s.confirmed, 0);

-- name: over_the_limit
-- A limit that was lowered below what somebody owns shows here too: nothing is taken away for it.
SELECT c.buyer_id, c.reserved, c.sold, e.buyer_limit FROM buyer_claims c JOIN events e USING (event_id)
WHERE c.event_id = $1 AND c.reserved + c.sold > e.buyer_limit;
