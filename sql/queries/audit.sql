-- Each query lists the violations of an invariant by one event ($1). engine.audit.auditor says which
-- invariant each one checks, and runs them all in one snapshot.

-- name: live_bookings
-- Not a check: the auditor compares Redis's holds with these rows.
SELECT b.hold_id::text, b.booking_id::text, b.buyer_id::text, b.status::text,
       coalesce(string_agg(i.seat_no::text, ',' ORDER BY i.seat_no) FILTER (WHERE i.seat_no IS NOT NULL), '') AS seats,
       coalesce(string_agg(i.area_no || ':' || i.quantity, ',' ORDER BY i.area_no)
         FILTER (WHERE i.area_no IS NOT NULL), '') AS areas
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
WHERE b.event_id = $1 AND b.live GROUP BY b.event_id, b.booking_id;

-- name: seats_against_sales
-- A reserved or sold seat has exactly one live item of a pending or confirmed booking, and the reverse.
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
-- Items are live as long as their booking is, and every booking has items.
SELECT b.booking_id, b.status, b.live, count(i.item_no) AS items, count(i.item_no) FILTER (WHERE i.live) AS live_items
FROM bookings b LEFT JOIN booking_items i USING (event_id, booking_id) WHERE b.event_id = $1
GROUP BY b.event_id, b.booking_id
HAVING count(i.item_no) = 0 OR count(i.item_no) FILTER (WHERE i.live) <> CASE WHEN b.live THEN count(i.item_no)
  ELSE 0 END;

-- name: tickets_against_sales
-- A confirmed booking has a valid ticket for each place, a cancelled one void tickets, any other none.
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
-- The price is the same in items, booking and payment, and the payment's status fits the booking's.
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
-- The sandbox's own record, charge by charge: money that it has captured is confirmed, refunded or in flight
-- here, and the reverse. In flight: our answer is still to come, or a refund is owed, or the booking expired
-- without an answer and the outbox has the inquiry.
WITH both_books AS (
  SELECT p.booking_id, p.status, c.status AS charge, p.amount_minor, p.currency, c.amount_minor AS charged,
         c.currency AS charged_in, coalesce(c.refunded_minor, 0) AS given_back,
         p.status IN ('initiated', 'refund_pending') OR EXISTS (
           SELECT FROM outbox o WHERE o.event_id = $1 AND o.booking_id = p.booking_id
             AND o.kind = 'inquire') AS in_flight
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
-- All events: captured = confirmed + refunded + in flight, per currency, exactly; a charge for an unknown
-- booking is in none of them.
WITH both_books AS (
  SELECT coalesce(p.currency, c.currency) AS currency, p.status, p.amount_minor,
         CASE WHEN c.status = 'captured' THEN c.amount_minor ELSE 0 END AS captured,
         c.status = 'captured' AND (p.status IN ('initiated', 'refund_pending') OR p.status = 'voided' AND EXISTS (
           SELECT FROM outbox o WHERE o.event_id = p.event_id AND o.booking_id = p.booking_id
             AND o.kind = 'inquire')) AS in_flight
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
-- Quiet: no captured charge is still in flight.
SELECT p.booking_id, p.status AS payment, c.status AS charge, p.amount_minor AS amount
FROM payments p LEFT JOIN sandbox_charges c USING (booking_id)
WHERE p.event_id = $1 AND (p.status = 'refund_pending' OR c.status = 'captured'
  AND p.status IN ('initiated', 'voided', 'declined'));

-- name: reserved_too_late
-- The hold's deadline is the pending booking's; nothing is reserved after it.
SELECT booking_id, created_at, expires_at FROM bookings
WHERE event_id = $1 AND status = 'pending' AND created_at >= expires_at;

-- name: pending_overdue
-- Bookings pending for longer than their time and $2 seconds.
SELECT booking_id, expires_at FROM bookings
WHERE event_id = $1 AND status = 'pending' AND expires_at < clock_timestamp() - make_interval(secs => $2);

-- name: seat_numbers
-- Seats are numbered 0…N-1 without a gap.
SELECT e.seat_count, count(s.seat_no) AS seats, min(s.seat_no) AS first, max(s.seat_no) AS last
FROM events e LEFT JOIN seats s USING (event_id) WHERE e.event_id = $1 GROUP BY e.event_id
HAVING count(s.seat_no) <> e.seat_count OR e.seat_count > 0
  AND (min(s.seat_no) <> 0 OR max(s.seat_no) <> e.seat_count - 1);

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
-- A booking's key belongs to it alone, and has its answer once the booking is not pending.
-- Keys are kept for a day; an hour of that is tolerance for clocks.
SELECT b.booking_id, b.status, b.idempotency_key AS key, k.booking_id AS key_of, k.response IS NOT NULL AS answered,
       k.response #>> '{booking,booking_id}' AS answer_names
FROM bookings b LEFT JOIN idempotency_keys k
  ON k.buyer_id = b.buyer_id AND k.key = b.idempotency_key AND k.event_id = b.event_id
WHERE b.event_id = $1 AND b.created_at > now() - interval '23 hours'
  AND (k.booking_id IS DISTINCT FROM b.booking_id
    OR k.response IS NOT NULL AND k.response #>> '{booking,booking_id}' IS DISTINCT FROM b.booking_id::text
    OR k.response IS NULL AND b.status <> 'pending');

-- name: keys_without_booking
SELECT k.buyer_id, k.key, k.booking_id FROM idempotency_keys k
WHERE k.event_id = $1 AND NOT EXISTS (
  SELECT FROM bookings b WHERE b.event_id = k.event_id AND b.booking_id = k.booking_id);

-- name: owed_unnoted
-- An owed refund has its row in the outbox until it is made.
SELECT p.booking_id, p.amount_minor AS amount FROM payments p
WHERE p.event_id = $1 AND p.status = 'refund_pending' AND NOT EXISTS (
  SELECT FROM outbox o WHERE o.event_id = p.event_id AND o.booking_id = p.booking_id AND o.kind = 'refund');

-- name: outbox_left
-- Quiet: everything committed has been delivered.
SELECT outbox_id, kind, booking_id, attempts, created_at FROM outbox WHERE event_id = $1;

-- name: claims_against_sales
-- A buyer's row counts the places that the buyer owns.
WITH sales AS (
  SELECT b.buyer_id, sum(i.quantity) FILTER (WHERE b.status = 'pending') AS pending,
         sum(i.quantity) FILTER (WHERE b.status = 'confirmed') AS confirmed
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE i.event_id = $1 AND i.live GROUP BY b.buyer_id
)
SELECT coalesce(c.buyer_id, s.buyer_id) AS buyer_id, c.reserved, c.sold, s.pending, s.confirmed
FROM (SELECT * FROM buyer_claims WHERE event_id = $1) c FULL JOIN sales s USING (buyer_id)
WHERE coalesce(c.reserved, 0) <> coalesce(s.pending, 0) OR coalesce(c.sold, 0) <> coalesce(s.confirmed, 0);

-- name: marks_against_sales
-- A mailbox's or a card's row counts the places sold or reserved under it.
WITH sales AS (
  SELECT m.mark, sum(i.quantity) AS places
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  CROSS JOIN LATERAL (VALUES (b.email_mark), (b.card_mark)) m(mark)
  WHERE i.event_id = $1 AND i.live AND m.mark IS NOT NULL GROUP BY m.mark
)
SELECT coalesce(c.mark, s.mark) AS mark, c.places, s.places AS sold_places
FROM (SELECT * FROM mark_claims WHERE event_id = $1) c FULL JOIN sales s USING (mark)
WHERE coalesce(c.places, 0) <> coalesce(s.places, 0);

-- name: over_the_limit
-- Buyers who exceeded the limit before it was lowered are listed, too: they keep their places.
SELECT c.buyer_id, c.reserved, c.sold, e.buyer_limit FROM buyer_claims c JOIN events e USING (event_id)
WHERE c.event_id = $1 AND c.reserved + c.sold > e.buyer_limit;

-- name: open_offers
-- Not a check: the auditor compares Redis's offers with these rows.
SELECT offer_id::text, person_id::text, seats, areas, made_at, expires_at FROM offers
WHERE event_id = $1 AND status = 'open';

-- name: offers_against_entries
-- An entry with an open offer has the status offered, and the reverse.
SELECT coalesce(e.entry_id, f.entry_id) AS entry_id, e.status, f.offer_id
FROM (SELECT * FROM waitlist_entries WHERE event_id = $1 AND status = 'offered') e
FULL JOIN (SELECT * FROM offers WHERE event_id = $1 AND status = 'open') f USING (entry_id, person_id)
WHERE e.entry_id IS NULL OR f.offer_id IS NULL;

-- name: offers_against_seats
-- An offer's rows have its seats; they are live while it is open, and nobody else has these seats then.
WITH kept AS (
  SELECT o.offer_id, array_agg(o.seat_no ORDER BY o.seat_no) AS seats, bool_or(o.live) AS live,
    bool_and(o.live) AS all_live,
         bool_or(o.live AND s.state IS DISTINCT FROM 'available') AS owned
  FROM offer_seats o LEFT JOIN seats s USING (event_id, seat_no) WHERE o.event_id = $1 GROUP BY o.offer_id
)
SELECT f.offer_id, f.status, f.seats, k.seats AS kept, k.live, k.owned FROM offers f LEFT JOIN kept k USING (offer_id)
WHERE f.event_id = $1
  AND (coalesce(k.seats, '{}') <> f.seats OR k.owned OR k.live <> k.all_live OR k.live <> (f.status = 'open'));

-- name: offers_at_once
SELECT offer_id, person_id, made_at, before AS other_ended_at FROM (
  SELECT offer_id, person_id, made_at,
         lag(coalesce(ended_at, 'infinity')) OVER (PARTITION BY person_id ORDER BY made_at, offer_id) AS before
  FROM offers WHERE event_id = $1) f
WHERE before > made_at;

-- name: offers_overdue
-- Offers open for longer than their time and $2 seconds.
SELECT offer_id, expires_at FROM offers
WHERE event_id = $1 AND status = 'open' AND expires_at < clock_timestamp() - make_interval(secs => $2);

-- name: entries_against_changes
-- An entry's status is that of its latest change.
WITH latest AS (
  SELECT DISTINCT ON (entry_id) entry_id, what, wish_no, weight, join_no FROM waitlist_changes
  WHERE event_id = $1 ORDER BY entry_id, change_no DESC
)
SELECT e.entry_id, e.status, l.what FROM waitlist_entries e LEFT JOIN latest l USING (entry_id)
WHERE e.event_id = $1 AND ((l.wish_no, l.weight, l.join_no) IS DISTINCT FROM (e.wish_no, e.weight::smallint, e.join_no)
  OR e.status::text <> CASE WHEN l.what IN ('joined', 'changed', 'promoted', 'withdrawn') THEN 'waiting'
    ELSE l.what END);

-- name: served_before_equals
-- Among entries with one wish, none is served behind an entry that waited before that round and was not at
-- the limit. (For different wishes the rounds' log has all data for a check.)
WITH waiting AS (
  SELECT e.entry_id, e.person_id, e.wish_no, e.weight, e.join_no,
         (SELECT max(c.round_no) FROM waitlist_changes c WHERE c.event_id = $1 AND c.entry_id = e.entry_id) AS since
  FROM waitlist_entries e WHERE e.event_id = $1 AND e.status = 'waiting'
), last_served AS (
  SELECT DISTINCT ON (f.round_no, e.wish_no) f.round_no, e.wish_no, e.weight, e.join_no, e.entry_id
  FROM offers f JOIN waitlist_changes e ON e.event_id = f.event_id AND e.entry_id = f.entry_id
    AND e.what = 'offered' AND e.round_no = f.round_no
  WHERE f.event_id = $1 ORDER BY f.round_no, e.wish_no, e.weight, e.join_no DESC
)
SELECT s.round_no, s.entry_id AS served, min(w.entry_id::text) AS ahead
FROM last_served s JOIN waiting w ON w.wish_no = s.wish_no AND w.since < s.round_no
  AND (w.weight > s.weight OR w.weight = s.weight AND w.join_no < s.join_no)
JOIN waitlist_rounds r ON r.event_id = $1 AND r.round_no = s.round_no
WHERE NOT w.entry_id = ANY(r.at_limit) AND NOT w.person_id = ANY(r.at_limit)
GROUP BY s.round_no, s.entry_id;

-- name: skips_unexplained
SELECT round_no, wish_no, reason, passed FROM waitlist_skips
WHERE event_id = $1 AND (reason = '' OR detail = '' OR passed < 1);

-- name: rounds_unnumbered
-- Rounds are numbered from 1 without a gap.
SELECT w.round_no, count(r.round_no) AS rounds, max(r.round_no) AS last FROM waitlists w
LEFT JOIN waitlist_rounds r USING (event_id) WHERE w.event_id = $1 GROUP BY w.event_id
HAVING count(r.round_no) <> w.round_no OR coalesce(max(r.round_no), 0) <> w.round_no;
