-- name: history_public
SELECT coalesce((SELECT history_public FROM pricing WHERE event_id = $1), true);

-- name: ensure
-- The event's row, made at the first change of its pricing. No row: there is no such event.
INSERT INTO pricing (event_id) SELECT event_id FROM events WHERE event_id = $1 ON CONFLICT DO NOTHING;

-- name: lock
-- The lock of all changes by an organiser to an event's pricing.
SELECT p.history_public, p.range_public, p.version, e.status
FROM pricing p JOIN events e USING (event_id) WHERE event_id = $1 FOR UPDATE OF p;

-- name: terms
-- The facts that buyers see, and the currency. No row: the event is not published.
SELECT coalesce(p.history_public, true) AS history_public, coalesce(p.range_public, false) AS range_public,
       coalesce(p.version, 1) AS version, e.currency, e.status
FROM events e LEFT JOIN pricing p USING (event_id) WHERE e.event_id = $1;

-- name: set_terms
UPDATE pricing SET history_public = $2, range_public = $3, version = version + 1 WHERE event_id = $1;

-- name: touch_event
-- Holds and maps then need the new terms (inventory.event_terms).
UPDATE events SET version = version + 1 WHERE event_id = $1;

-- name: add_rule
INSERT INTO pricing_rules (event_id, rule_id, category_no, rule_no, rule, note, made_by)
SELECT $1, $2, $3, 1 + coalesce((SELECT max(rule_no) FROM pricing_rules WHERE event_id = $1 AND category_no = $3), 0),
       $4::jsonb, $5, $6
RETURNING rule_id::text, category_no, rule_no, rule, note, made_by, made_at, status, valid_from, activated_at,
  retired_at, version;

-- name: rule
SELECT rule_id::text, category_no, rule_no, rule, note, made_by, made_at, status, valid_from, activated_at,
  retired_at, version
FROM pricing_rules WHERE event_id = $1 AND rule_id = $2;

-- name: rules
-- Newest first.
SELECT rule_id::text, category_no, rule_no, rule, note, made_by, made_at, status, valid_from, activated_at,
  retired_at, version
FROM pricing_rules
WHERE event_id = $1 AND ($2::smallint IS NULL OR category_no = $2) AND ($3::text IS NULL OR status::text = $3)
  AND ($4::uuid IS NULL OR rule_id < $4)
ORDER BY rule_id DESC LIMIT $5;

-- name: schedule_rule
UPDATE pricing_rules SET status = 'scheduled', valid_from = $3, version = version + 1
WHERE event_id = $1 AND rule_id = $2;

-- name: retire_rule
UPDATE pricing_rules SET status = 'retired', retired_at = now(), version = version + 1
WHERE event_id = $1 AND rule_id = $2 AND status <> 'retired';

-- name: retire_active
-- Retires the active rule, for one that comes into force.
UPDATE pricing_rules SET status = 'retired', retired_at = now(), version = version + 1
WHERE event_id = $1 AND category_no = $2 AND status = 'active';

-- name: put_in_force
UPDATE pricing_rules SET status = 'active', valid_from = coalesce(valid_from, now()), activated_at = now(),
  version = version + 1
WHERE event_id = $1 AND rule_id = $2;

-- name: end_open_override
-- Ends an override without an end of its own, because another rule comes into force.
UPDATE pricing_controls SET mode = NULL, version = version + 1, changed_at = now()
WHERE event_id = $1 AND category_no = $2 AND mode = 'override' AND until IS NULL;

-- name: lock_categories
-- The lock between a rule's price and the organiser's override.
SELECT category_no, name, amount_minor, version FROM categories
WHERE event_id = $1 AND category_no = ANY($2::smallint[]) ORDER BY category_no FOR UPDATE;

-- name: set_control
INSERT INTO pricing_controls AS c (event_id, category_no, mode, until, reason, actor)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (event_id, category_no) DO UPDATE
SET mode = excluded.mode, until = excluded.until, reason = excluded.reason, actor = excluded.actor,
    version = c.version + 1, changed_at = now()
RETURNING version;

-- name: hold_followers
-- A price set on the event's page: for a category with a rule, an override without an end.
INSERT INTO pricing_controls AS c (event_id, category_no, mode, until, reason, actor)
SELECT $1, r.category_no, 'override', NULL, $3, $4 FROM pricing_rules r
WHERE r.event_id = $1 AND r.category_no = ANY($2::smallint[]) AND r.status = 'active'
ON CONFLICT (event_id, category_no) DO UPDATE
SET mode = excluded.mode, until = excluded.until, reason = excluded.reason, actor = excluded.actor,
    version = c.version + 1, changed_at = now();

-- name: end_overrides
-- Overrides whose time is over. Locked ones are skipped and taken later.
WITH over AS MATERIALIZED (
  SELECT event_id, category_no FROM pricing_controls
  WHERE mode = 'override' AND until <= now() FOR UPDATE SKIP LOCKED
)
UPDATE pricing_controls p SET mode = NULL, until = NULL, version = version + 1, changed_at = now()
FROM over WHERE p.event_id = over.event_id AND p.category_no = over.category_no
RETURNING p.event_id::text, p.category_no;

-- name: governed
-- Categories whose price is not simply that of the event's page: they have a rule or an override.
SELECT category_no, name FROM categories c WHERE event_id = $1 AND (
  EXISTS (SELECT FROM pricing_rules r WHERE r.event_id = c.event_id AND r.category_no = c.category_no
    AND status = 'active')
  OR EXISTS (SELECT FROM pricing_controls p
    WHERE p.event_id = c.event_id AND p.category_no = c.category_no AND mode IS NOT NULL));

-- name: states
-- How each category's present price is computed.
SELECT c.category_no, c.name, c.amount_minor, p.mode, p.until, p.reason, p.actor, coalesce(p.version, 0) AS version,
       r.rule_id::text,
       (SELECT min(s.valid_from) FROM pricing_rules s
        WHERE s.event_id = c.event_id AND s.category_no = c.category_no AND s.status = 'scheduled') AS scheduled_for
FROM categories c
LEFT JOIN pricing_controls p USING (event_id, category_no)
LEFT JOIN pricing_rules r ON r.event_id = c.event_id AND r.category_no = c.category_no AND r.status = 'active'
WHERE c.event_id = $1 ORDER BY c.category_no;

-- name: due_rules
-- Scheduled rules that are due, the earlier first.
SELECT r.event_id::text, r.rule_id::text, r.category_no FROM pricing_rules r JOIN events e USING (event_id)
WHERE r.status = 'scheduled' AND r.valid_from <= now() AND e.status <> 'cancelled'
ORDER BY r.valid_from, r.rule_no LIMIT 100;

-- name: still_due
SELECT status = 'scheduled' AND valid_from <= now() FROM pricing_rules WHERE event_id = $1 AND rule_id = $2;

-- name: take_turn
-- Events on sale that follow a rule and were not reviewed for $1 seconds. The caller reviews them, and no
-- other worker does until they are due again. late_s: how long they have been due.
WITH due AS MATERIALIZED (
  SELECT p.event_id, extract(epoch FROM now() - p.looked_at) - $1::float8 AS late_s FROM pricing p
  JOIN events e USING (event_id)
  WHERE e.status = 'on_sale' AND (p.looked_at IS NULL OR p.looked_at <= now() - make_interval(secs => $1))
    AND EXISTS (SELECT FROM pricing_rules r WHERE r.event_id = p.event_id AND r.status = 'active')
  LIMIT 100 FOR UPDATE OF p SKIP LOCKED
)
UPDATE pricing p SET looked_at = now()
FROM due
WHERE p.event_id = due.event_id RETURNING p.event_id::text, coalesce(due.late_s, 0)::float8 AS late_s;

-- name: places
-- By category: places that are or were for sale, those sold or being paid for, and those being paid for in areas.
WITH places AS (
  SELECT category_no, count(*) FILTER (WHERE state <> 'blocked') AS capacity,
         count(*) FILTER (WHERE state IN ('sold', 'reserved')) AS taken
  FROM seats WHERE event_id = $1 GROUP BY category_no
  UNION ALL
  SELECT category_no, capacity, sold + reserved FROM areas WHERE event_id = $1
)
SELECT c.category_no, coalesce(sum(p.capacity), 0)::integer AS capacity, coalesce(sum(p.taken), 0)::integer AS taken
FROM categories c LEFT JOIN places p USING (category_no) WHERE c.event_id = $1 GROUP BY c.category_no
ORDER BY c.category_no;

-- name: areas
SELECT area_no, category_no, reserved FROM areas WHERE event_id = $1 ORDER BY area_no;

-- name: waiting
-- Wishes in the waitlist: the accepted categories and sections (NULL: any), and the places wanted in all.
SELECT w.categories, w.sections, (w.quantity * count(*))::integer AS places
FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no)
WHERE e.event_id = $1 AND e.status = 'waiting' GROUP BY w.event_id, w.wish_no;

-- name: workload
-- The data of a decision for each category with a rule ($2: for this one, with or without a rule).
-- A category's version is that of its latest change.
SELECT c.category_no, c.name, c.amount_minor, c.version, r.rule_id::text, r.rule_no, r.rule, p.mode,
       CASE WHEN h.old_amount_minor IS NOT NULL THEN extract(epoch FROM now() - h.changed_at)::float8 END AS changed_s,
       CASE WHEN h.actor LIKE 'pricing:%' THEN sign(h.new_amount_minor - h.old_amount_minor)::integer
         ELSE 0 END AS direction,
       v.taken AS known_taken, v.places, v.days, v.measured_at, now() AS now
FROM categories c
LEFT JOIN pricing_rules r ON r.event_id = c.event_id AND r.category_no = c.category_no AND r.status = 'active'
LEFT JOIN pricing_controls p ON p.event_id = c.event_id AND p.category_no = c.category_no
LEFT JOIN price_changes h ON h.event_id = c.event_id AND h.category_no = c.category_no AND h.version = c.version
LEFT JOIN pricing_velocity v ON v.event_id = c.event_id AND v.category_no = c.category_no
WHERE c.event_id = $1 AND (c.category_no = $2 OR $2::smallint IS NULL AND r.rule_id IS NOT NULL) ORDER BY c.category_no;

-- name: note_velocity
-- No change when another worker has counted the same sales meanwhile ($7: when they were last counted).
INSERT INTO pricing_velocity AS v (event_id, category_no, taken, places, days, measured_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (event_id, category_no) DO UPDATE
SET taken = excluded.taken, places = excluded.places, days = excluded.days, measured_at = excluded.measured_at
WHERE v.measured_at = $7::timestamptz RETURNING true;

-- name: may_follow
-- Under the category's lock: the rule is still in force, there is no override, and the event is on sale.
SELECT EXISTS (SELECT FROM pricing_rules WHERE event_id = $1 AND rule_id = $3 AND status = 'active')
   AND NOT EXISTS (SELECT FROM pricing_controls WHERE event_id = $1 AND category_no = $2 AND mode IS NOT NULL)
   AND EXISTS (SELECT FROM events WHERE event_id = $1 AND status = 'on_sale');

-- name: sales
-- An event's recorded sales: places per ten minutes and price, the price as a share of the category's first.
SELECT date_bin('10 minutes', b.created_at, timestamptz 'epoch') AS at, sum(i.quantity)::integer AS places,
       CASE WHEN f.new_amount_minor > 0 THEN i.amount_minor::float8 / f.new_amount_minor ELSE 1 END AS price_share
FROM booking_items i
JOIN bookings b USING (event_id, booking_id)
JOIN price_changes f ON f.event_id = i.event_id AND f.category_no = i.category_no AND f.version = 1
WHERE i.event_id = $1 AND b.status = 'confirmed' AND ($2::smallint IS NULL OR i.category_no = $2)
GROUP BY 1, 3 ORDER BY 1;

-- name: published_at
SELECT published_at FROM events WHERE event_id = $1;

-- name: note
INSERT INTO audit (event_id, action, actor, details) VALUES ($1, $2, $3, $4::jsonb);
