-- name: next_epoch
-- The next epoch of the event's Redis state, larger than any before. No row: the event is not published.
SELECT epoch FROM next_epoch($1, $2) epoch WHERE epoch IS NOT NULL;

-- name: raise_epoch
-- No row: PostgreSQL does not know the event.
SELECT epoch FROM raise_epoch($1, $2) epoch WHERE epoch IS NOT NULL;

-- name: event_terms
-- An event's status, limits and prices.
-- version grows with every change of one of them.
SELECT e.status, e.currency, e.seat_count, e.buyer_limit, e.hold_ttl_s, e.hold_max_s, e.payment_window_s,
       e.version + coalesce(sum(c.version), 0)::integer AS version,
       coalesce(string_agg(c.amount_minor::text, ',' ORDER BY c.category_no), '') AS prices,
       -- The prices' public facts (engine.live.prices): the latest change of each category, and the range of
       -- its rule. A category's version is that of its latest change.
       jsonb_build_object(
         'dynamic', count(r.rule_id) > 0,
         'history_public', coalesce(bool_and(p.history_public), true),
         'range_public', coalesce(bool_and(p.range_public), false),
         'categories', coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'was_minor', h.old_amount_minor,
           'reason', CASE WHEN h.old_amount_minor IS NOT NULL THEN h.reason END,
           'changed_at', CASE WHEN h.old_amount_minor IS NOT NULL
             THEN to_char(h.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') END,
           'floor_minor', CASE WHEN p.range_public THEN r.rule->'floor_minor' END,
           'ceiling_minor', CASE WHEN p.range_public THEN r.rule->'ceiling_minor' END
         )) ORDER BY c.category_no) FILTER (WHERE c.category_no IS NOT NULL), '[]')
       )::text AS pricing
FROM events e LEFT JOIN categories c USING (event_id) LEFT JOIN pricing p USING (event_id)
LEFT JOIN price_changes h ON h.event_id = c.event_id AND h.category_no = c.category_no AND h.version = c.version
LEFT JOIN pricing_rules r ON r.event_id = c.event_id AND r.category_no = c.category_no AND r.status = 'active'
WHERE e.event_id = $1 GROUP BY e.event_id;

-- name: prices
SELECT category_no, name, amount_minor, version FROM categories WHERE event_id = $1 ORDER BY category_no;

-- name: seat_truth
-- Every seat as one string of SeatState digits and one of 4-byte big-endian versions, in seat_no order.
SELECT coalesce(string_agg(seat_digit(state)::text, '' ORDER BY seat_no), '') AS digits,
       coalesce(string_agg(int4send(version), ''::bytea ORDER BY seat_no), ''::bytea) AS versions
FROM seats WHERE event_id = $1;

-- name: area_truth
SELECT area_no, category_no, capacity, reserved, sold, version FROM areas WHERE event_id = $1 ORDER BY area_no;

-- name: buyer_truth
-- Also buyers who own nothing any more: the version keeps an older settlement from counting again.
SELECT buyer_id::text, sold, version FROM buyer_claims WHERE event_id = $1;

-- name: pending_truth
-- Pending bookings with their claims: seats "17,18", areas "0:2", amounts "category:amount,…".
SELECT b.hold_id::text, b.buyer_id::text, b.created_at, b.expires_at,
       coalesce(string_agg(i.seat_no::text, ',' ORDER BY i.seat_no) FILTER (WHERE i.seat_no IS NOT NULL), '') AS seats,
       coalesce(string_agg(i.area_no || ':' || i.quantity, ',' ORDER BY i.area_no)
         FILTER (WHERE i.area_no IS NOT NULL), '') AS areas,
       sum(i.quantity)::integer AS quantity,
       string_agg(i.category_no || ':' || i.amount_minor, ',') AS amounts
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
WHERE b.event_id = $1 AND b.status = 'pending'
GROUP BY b.event_id, b.booking_id;

-- name: open_events
-- Events whose Redis state matters: on sale, paused, or cancelled recently, with holds still to end. Events
-- that began days ago are left out, so that the list does not grow for ever: a request for seats there still
-- gets the truth, and owed refunds are found by booking, not by event.
SELECT e.event_id::text FROM events e LEFT JOIN told_events t USING (event_id)
WHERE (e.status IN ('on_sale', 'paused') OR e.changed_at > now() - interval '2 days')
  AND coalesce(t.starts_at, 'infinity') > now() - interval '2 days'
ORDER BY e.event_id;

-- name: set_event_status
-- Cancelled is final. Returns the status after.
UPDATE events SET status = CASE WHEN status = 'cancelled' THEN status ELSE $2::event_status END,
  version = version + 1, changed_at = now()
WHERE event_id = $1 RETURNING status;

-- name: set_event_terms
UPDATE events SET buyer_limit = $2, hold_ttl_s = $3, version = version + 1, changed_at = now()
WHERE event_id = $1 AND (buyer_limit, hold_ttl_s) IS DISTINCT FROM ($2, $3);

-- name: set_price
-- Optimistic: no change unless the version is the one that was read.
WITH old AS (SELECT amount_minor FROM categories WHERE event_id = $1 AND category_no = $2 FOR UPDATE),
changed AS (
  UPDATE categories c SET amount_minor = $4, version = version + 1
  WHERE event_id = $1 AND category_no = $2 AND version = $3
  RETURNING version
)
INSERT INTO price_changes (event_id, category_no, version, old_amount_minor, new_amount_minor, reason, actor, inputs)
SELECT $1, $2, changed.version, old.amount_minor, $4, $5, $6, $7::jsonb FROM old, changed
RETURNING version;

-- name: publish_event
-- First step of publishing in PostgreSQL; no row: it is published already.
INSERT INTO events (event_id, currency, seat_count, buyer_limit, hold_ttl_s, hold_max_s, payment_window_s)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING event_id;

-- name: publish_categories
INSERT INTO categories (event_id, category_no, name, amount_minor)
SELECT $1, a.category_no, a.name, a.amount
FROM unnest($2::integer[], $3::text[], $4::bigint[]) a(category_no, name, amount);

-- name: publish_price_history
INSERT INTO price_changes (event_id, category_no, version, new_amount_minor, reason, actor)
SELECT event_id, category_no, version, amount_minor, 'first price', 'organiser' FROM categories WHERE event_id = $1;

-- name: publish_areas
-- capacity: places for sale, without the blocked ones.
INSERT INTO areas (event_id, area_no, category_no, capacity, blocked)
SELECT $1, a.area_no, a.category_no, a.capacity, a.blocked
FROM unnest($2::integer[], $3::integer[], $4::integer[], $5::integer[]) a(area_no, category_no, capacity, blocked);

-- name: price_history
SELECT category_no, version, old_amount_minor, new_amount_minor, reason, actor, inputs, changed_at
FROM price_changes WHERE event_id = $1 AND ($2::timestamptz IS NULL
  OR (changed_at, category_no, version) < ($2, $3, $4))
ORDER BY changed_at DESC, category_no DESC, version DESC LIMIT $5;

-- name: lock_seats
-- In the common order of locking. A separate statement: the next one then reads the state after the wait,
-- including an offer made meanwhile.
SELECT seat_no, state::text FROM seats WHERE event_id = $1 AND seat_no = ANY($2::integer[])
ORDER BY seat_no FOR UPDATE;

-- name: block_seats
-- Seats that the organiser keeps from sale. Seats of an open offer are left out.
UPDATE seats s SET state = 'blocked', version = s.version + 1
WHERE s.event_id = $1 AND s.seat_no = ANY($2::integer[]) AND s.state = 'available'
  AND NOT EXISTS (SELECT FROM offer_seats o WHERE o.event_id = $1 AND o.seat_no = s.seat_no AND o.live)
RETURNING s.seat_no, s.version;

-- name: unblock_seats
-- Seats that the organiser gives back.
UPDATE seats SET state = 'available', version = version + 1
WHERE event_id = $1 AND seat_no = ANY($2::integer[]) AND state = 'blocked'
RETURNING seat_no, version;

-- name: block_places
-- Places of areas that the organiser keeps from sale, as far as nobody has paid or pays for them.
UPDATE areas a SET capacity = a.capacity - w.places, blocked = a.blocked + w.places, version = a.version + 1
FROM (
  SELECT f.area_no, least(u.places, f.capacity - f.reserved - f.sold) places
  FROM areas f JOIN unnest($2::integer[], $3::integer[]) u(area_no, places) USING (area_no)
  WHERE f.event_id = $1 ORDER BY f.area_no FOR UPDATE OF f
) w
WHERE a.event_id = $1 AND a.area_no = w.area_no AND w.places > 0
RETURNING a.area_no, w.places;

-- name: unblock_places
UPDATE areas a SET capacity = a.capacity + w.places, blocked = a.blocked - w.places, version = a.version + 1
FROM (
  SELECT f.area_no, least(u.places, f.blocked) places
  FROM areas f JOIN unnest($2::integer[], $3::integer[]) u(area_no, places) USING (area_no)
  WHERE f.event_id = $1 ORDER BY f.area_no FOR UPDATE OF f
) w
WHERE a.event_id = $1 AND a.area_no = w.area_no AND w.places > 0
RETURNING a.area_no, w.places;

-- name: audit_seats
INSERT INTO audit (event_id, action, actor, details) VALUES ($1, $2, $3, $4);
