-- name: summary
-- The waitlist and its terms. Before the first entry there is no row: then the terms are the defaults ($2),
-- and the version is the one that the row will begin with.
SELECT coalesce(l.closed, false) AS closed, coalesce(l.offer_window_s, $2) AS offer_window_s,
       coalesce(l.version, 1) AS version,
       (SELECT jsonb_object_agg(status, n)
        FROM (SELECT status, count(*) AS n FROM waitlist_entries WHERE event_id = e.event_id
          GROUP BY status) s) AS entries,
       (SELECT jsonb_object_agg(status, n)
        FROM (SELECT status, count(*) AS n FROM offers WHERE event_id = e.event_id GROUP BY status) s) AS offers,
       (SELECT coalesce(sum(w.quantity * s.n), 0)::bigint
        FROM (SELECT event_id, wish_no, count(*) AS n FROM waitlist_entries
              WHERE event_id = e.event_id AND status = 'waiting' GROUP BY event_id, wish_no) s
        JOIN waitlist_wishes w USING (event_id, wish_no)) AS places_wanted
FROM events e LEFT JOIN waitlists l USING (event_id) WHERE e.event_id = $1;

-- name: line_page
-- Waiting entries in the waitlist's order, behind the place ($2 weight, $3 join_no). Two ranges of the index,
-- because one condition with OR would read the index from its start.
WITH page AS (
  (SELECT * FROM waitlist_entries
   WHERE event_id = $1 AND status = 'waiting' AND weight = $2 AND join_no > $3 ORDER BY join_no LIMIT $4)
  UNION ALL
  (SELECT * FROM waitlist_entries
   WHERE event_id = $1 AND status = 'waiting' AND weight < $2 ORDER BY weight DESC, join_no LIMIT $4)
), ahead AS (
  SELECT (SELECT count(*) FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting' AND weight > $2)
       + (SELECT count(*) FROM waitlist_entries
          WHERE event_id = $1 AND status = 'waiting' AND weight = $2 AND join_no <= $3) AS n
)
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor,
       ahead.n + row_number() OVER (ORDER BY e.weight DESC, e.join_no) AS rank
FROM page e JOIN waitlist_wishes w USING (event_id, wish_no) CROSS JOIN ahead
ORDER BY e.weight DESC, e.join_no LIMIT $4;

-- name: entries_page
-- Entries of one status, or all (NULL), the latest to join first, from before $3. Their ranks need one scan of
-- the waitlist's index, or none if nobody on the page waits.
WITH page AS (
  SELECT * FROM waitlist_entries
  WHERE event_id = $1 AND ($2::entry_status IS NULL OR status = $2) AND join_no < $3 ORDER BY join_no DESC LIMIT $4
), ranked AS (
  SELECT join_no, row_number() OVER (ORDER BY weight DESC, join_no) AS rank FROM waitlist_entries
  WHERE event_id = $1 AND status = 'waiting' AND EXISTS (SELECT FROM page WHERE status = 'waiting')
)
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor, r.rank
FROM page e JOIN waitlist_wishes w USING (event_id, wish_no) LEFT JOIN ranked r ON r.join_no = e.join_no
ORDER BY e.join_no DESC;

-- name: entry
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor,
       CASE WHEN e.status = 'waiting' THEN (
         SELECT 1 + (SELECT count(*) FROM waitlist_entries a
                     WHERE a.event_id = $1 AND a.status = 'waiting' AND a.weight > e.weight)
                  + (SELECT count(*) FROM waitlist_entries a
                     WHERE a.event_id = $1 AND a.status = 'waiting' AND a.weight = e.weight AND a.join_no < e.join_no)
       ) END AS rank
FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no)
WHERE e.event_id = $1 AND e.entry_id = $2;

-- name: export
-- All entries: the waiting ones in the waitlist's order, then those that have left it.
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor,
       CASE WHEN e.status = 'waiting'
       THEN row_number() OVER (PARTITION BY e.status = 'waiting' ORDER BY e.weight DESC, e.join_no) END AS rank
FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no)
WHERE e.event_id = $1 ORDER BY e.status <> 'waiting', e.weight DESC, e.join_no;

-- name: skipped
-- In how many rounds each of some entries was skipped. Between two changes an entry was at one place with one
-- wish. The round that made it an offer did not skip it, nor did a round in which its person was at the
-- limit.
WITH stays AS (
  SELECT entry_id, what, wish_no, weight, join_no, round_no AS after_round,
         lead(round_no - (what = 'offered')::integer) OVER (PARTITION BY entry_id ORDER BY change_no) AS last_round
  FROM waitlist_changes WHERE event_id = $1 AND entry_id = ANY($2::uuid[])
), limited AS (
  SELECT e.entry_id, array_agg(r.round_no) AS rounds
  FROM waitlist_rounds r CROSS JOIN LATERAL unnest(r.at_limit) AS p(person_id)
  JOIN waitlist_entries e ON e.event_id = $1 AND e.entry_id = ANY($2::uuid[]) AND e.person_id = p.person_id
  WHERE r.event_id = $1 AND r.at_limit <> '{}' GROUP BY e.entry_id
)
SELECT y.entry_id, sum(passed.times)::bigint AS skipped
FROM stays y LEFT JOIN limited l USING (entry_id) CROSS JOIN LATERAL (
  SELECT count(*) AS times FROM waitlist_skips s
  WHERE s.event_id = $1 AND s.wish_no = y.wish_no
    AND s.round_no > y.after_round AND s.round_no <= coalesce(y.last_round, 2147483647)
    AND (y.weight > s.weight OR (y.weight = s.weight AND y.join_no < s.join_no))
    AND (l.rounds IS NULL OR s.round_no <> ALL (l.rounds))
) passed
WHERE y.what IN ('joined', 'changed', 'promoted', 'withdrawn')
GROUP BY y.entry_id HAVING sum(passed.times) > 0;

-- name: offers_page
-- The latest first, from before $2; ids grow with time.
SELECT * FROM offers WHERE event_id = $1 AND ($2::uuid IS NULL OR offer_id < $2) ORDER BY offer_id DESC LIMIT $3;

-- name: skips_page
-- The latest first, from before ($2 round_no, $3 entry_id).
SELECT s.*, r.at, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor
FROM waitlist_skips s JOIN waitlist_rounds r USING (event_id, round_no)
JOIN waitlist_wishes w USING (event_id, wish_no)
WHERE s.event_id = $1 AND ($2::integer IS NULL OR (s.round_no, s.entry_id) < ($2, $3::uuid))
ORDER BY s.round_no DESC, s.entry_id DESC LIMIT $4;

-- name: make_line
-- No change if there is no event with this id.
INSERT INTO waitlists (event_id, offer_window_s) SELECT event_id, $2 FROM events WHERE event_id = $1
ON CONFLICT DO NOTHING;

-- name: set_terms
-- Optimistic: no change unless the version is the one that was read. NULL: as it was.
UPDATE waitlists SET closed = coalesce($3, closed), offer_window_s = coalesce($4, offer_window_s), version = version + 1
WHERE event_id = $1 AND version = $2 RETURNING version;

-- name: promote
-- A waiting entry gets the weight $3; no change for an entry that is not waiting or has it already.
WITH moved AS (
  UPDATE waitlist_entries
  SET weight = $3, promoted = $4, version = version + 1, changed_at = clock_timestamp()
  WHERE event_id = $1 AND entry_id = $2 AND status = 'waiting' AND weight < $3
  RETURNING event_id, entry_id, wish_no, weight, join_no
)
INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, reason, round_no)
SELECT event_id, entry_id, 'promoted', wish_no, weight, join_no, $5, $4, $6 FROM moved;

-- name: close_line
UPDATE waitlists SET closed = true, version = version + (NOT closed)::integer WHERE event_id = $1 RETURNING round_no;

-- name: dismiss_waiting
-- The first $5 waiting entries.
WITH ended AS (
  UPDATE waitlist_entries SET status = 'dismissed', version = version + 1, changed_at = clock_timestamp()
  WHERE event_id = $1 AND entry_id IN (
    SELECT entry_id FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting'
    ORDER BY weight DESC, join_no LIMIT $5)
  RETURNING event_id, entry_id, wish_no, weight, join_no
)
INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, reason, round_no)
SELECT event_id, entry_id, 'dismissed', wish_no, weight, join_no, $2, $3, $4 FROM ended RETURNING entry_id;

-- name: open_offers
SELECT offer_id FROM offers WHERE event_id = $1 AND status = 'open' ORDER BY offer_id;
