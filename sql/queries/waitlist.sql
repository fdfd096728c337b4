-- name: join
SELECT * FROM join_waitlist($1, $2, $3);

-- name: change
SELECT * FROM change_entry($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: leave
SELECT * FROM leave_waitlist($1, $2);

-- name: entry
-- One entry with its wish. Found by id alone, because the caller often does not know the event.
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor, l.offer_window_s
FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no) JOIN waitlists l USING (event_id)
WHERE e.entry_id = $1;

-- name: entries_of_person
SELECT e.*, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor, l.offer_window_s
FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no) JOIN waitlists l USING (event_id)
WHERE e.person_id = $1 AND ($2::uuid IS NULL OR e.event_id = $2) ORDER BY e.entry_id DESC LIMIT 100;

-- name: latest_offers
-- The latest offer of each entry, if there was one.
SELECT DISTINCT ON (event_id, entry_id) * FROM offers
WHERE (event_id, entry_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
ORDER BY event_id, entry_id, offer_id DESC;

-- name: price_floors
-- The lowest possible price of a category: the least of its present price and the floors of its rules. A price
-- without a rule has no floor: the organiser may lower it to any amount.
SELECT c.category_no, CASE WHEN count(r.rule_id) FILTER (WHERE r.status = 'active') = 0 THEN 0
                      ELSE least(c.amount_minor, min((r.rule ->> 'floor_minor')::bigint)) END AS floor_minor
FROM categories c
LEFT JOIN pricing_rules r ON r.event_id = c.event_id AND r.category_no = c.category_no
  AND r.status IN ('active', 'scheduled')
WHERE c.event_id = $1 GROUP BY c.category_no, c.amount_minor;

-- name: statistics
-- The data of an estimate: places offered to the waitlist in the last hour, the last day and since it began,
-- its age, and how many places its entries want on average.
SELECT count(*) FILTER (WHERE made_at > now() - interval '1 hour')::integer AS hour_offers,
       sum(quantity) FILTER (WHERE made_at > now() - interval '1 hour')::integer AS hour_places,
       count(*) FILTER (WHERE made_at > now() - interval '1 day')::integer AS day_offers,
       sum(quantity) FILTER (WHERE made_at > now() - interval '1 day')::integer AS day_places,
       count(*)::integer AS ever_offers, sum(quantity)::integer AS ever_places,
       coalesce((SELECT extract(epoch FROM now() - joined_at) FROM waitlist_entries
                 WHERE event_id = $1 ORDER BY join_no LIMIT 1), 0)::float8 AS age_s,
       coalesce((SELECT avg(w.quantity) FROM waitlist_entries e JOIN waitlist_wishes w USING (event_id, wish_no)
                 WHERE e.event_id = $1 AND e.status = 'waiting'), 1)::float8 AS quantity
FROM offers WHERE event_id = $1;

-- name: lines
-- Events with a waitlist whose rounds matter: they are on sale and did not begin days ago.
SELECT w.event_id::text FROM waitlists w JOIN events e USING (event_id) LEFT JOIN told_events t USING (event_id)
WHERE e.status = 'on_sale' AND coalesce(t.starts_at, 'infinity') > now() - interval '2 days' ORDER BY w.event_id;

-- name: lines_of_cancelled_events
-- Without those of stuck events ($1).
SELECT w.event_id::text FROM waitlists w JOIN events e USING (event_id)
WHERE e.status = 'cancelled' AND w.event_id <> ALL($1::uuid[]) AND EXISTS (
  SELECT FROM waitlist_entries x WHERE x.event_id = w.event_id AND x.status IN ('waiting', 'offered'));

-- name: try_round
-- One round per event at a time; a second worker need not wait for it.
SELECT pg_try_advisory_xact_lock(hashtextextended('round:' || $1::text, 0));

-- name: lock_line
-- The waitlist's exclusive lock, until the transaction ends. No row: nobody has ever waited here.
SELECT pg_advisory_xact_lock(line_key($1));

-- name: share_line
SELECT share_line($1);

-- name: line
SELECT w.closed, w.offer_window_s, w.round_no, w.version, e.status, e.buyer_limit FROM waitlists w
JOIN events e USING (event_id)
WHERE event_id = $1;

-- name: heads
-- By wish, the first waiting entries: as many as $2 places could serve, one more, and $3 more in place of
-- those that may be at their limit. owned: the places of the event that each person has bought.
SELECT w.wish_no, w.quantity, w.together, w.categories, w.sections, w.max_amount_minor,
       h.entry_ids, h.person_ids, h.weights, h.join_nos, h.owned
FROM waitlist_wishes w CROSS JOIN LATERAL (
  SELECT array_agg(f.entry_id::text) AS entry_ids, array_agg(f.person_id::text) AS person_ids,
         array_agg(f.weight) AS weights, array_agg(f.join_no) AS join_nos,
         array_agg(f.owned) AS owned
  FROM (SELECT e.entry_id, e.person_id, e.weight, e.join_no,
               coalesce((SELECT b.reserved + b.sold FROM buyer_claims b
                         WHERE b.event_id = e.event_id AND b.buyer_id = e.person_id), 0) AS owned
        FROM waitlist_entries e WHERE e.event_id = w.event_id AND e.wish_no = w.wish_no AND e.status = 'waiting'
        ORDER BY e.weight DESC, e.join_no LIMIT $2 / w.quantity + 1 + $3) f
) h
WHERE w.event_id = $1 AND h.entry_ids IS NOT NULL ORDER BY w.wish_no;

-- name: lock_areas
-- Areas, locked as in reserving (before seats), with the places that are neither sold nor offered.
SELECT area_no, capacity - reserved - sold - offered_places(event_id, area_no, NULL) AS free
FROM areas WHERE event_id = $1 AND area_no = ANY($2::integer[]) ORDER BY area_no FOR UPDATE;

-- name: lock_seats
-- Those of these seats that are neither sold nor offered, locked: a reserve waits for the offer, or the offer
-- for it. Only rounds make offers, and this is the only round.
SELECT seat_no FROM seats s WHERE event_id = $1 AND seat_no = ANY($2::integer[]) AND state = 'available'
  AND NOT EXISTS (SELECT FROM offer_seats o WHERE o.event_id = s.event_id AND o.seat_no = s.seat_no AND o.live)
ORDER BY seat_no FOR UPDATE;

-- name: write_round
-- Everything that a round has decided, in one statement.
WITH next AS (
  UPDATE waitlists SET round_no = round_no + 1 WHERE event_id = $1 RETURNING round_no
), round AS (
  INSERT INTO waitlist_rounds (event_id, round_no, seats, areas, prices, to_sale, at_limit, waiting)
  SELECT $1, round_no, $2, $3, $4, $5, $6, $7 FROM next RETURNING round_no
), asked AS (
  SELECT * FROM unnest($8::round_offer[])
), made AS (
  INSERT INTO offers (event_id, offer_id, entry_id, person_id, round_no, seats, areas, quantity, prices, expires_at)
  SELECT $1, a.offer_id, e.entry_id, e.person_id, round.round_no, a.seats, a.areas, a.quantity, $10,
         clock_timestamp() + make_interval(secs => $11)
  FROM asked a JOIN waitlist_entries e ON e.event_id = $1 AND e.entry_id = a.entry_id, round
  RETURNING *
), kept AS (
  INSERT INTO offer_seats (event_id, offer_id, seat_no) SELECT event_id, offer_id, unnest(seats) FROM made
), moved AS (
  UPDATE waitlist_entries e SET status = 'offered', version = e.version + 1, changed_at = clock_timestamp()
  FROM made WHERE e.event_id = $1 AND e.entry_id = made.entry_id AND e.status = 'waiting'
  RETURNING e.entry_id, e.wish_no, e.weight, e.join_no, e.email, e.name, e.language, made.offer_id, made.person_id,
    made.round_no
), noted AS (
  INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
  SELECT $1, entry_id, 'offered', wish_no, weight, join_no, 'worker', round_no FROM moved ORDER BY weight DESC, join_no
), skipped AS (
  INSERT INTO waitlist_skips (event_id, round_no, wish_no, reason, detail, weight, join_no, passed, entry_id)
  SELECT $1, round.round_no, s.wish_no, s.reason, s.detail, s.weight, s.join_no,
         (SELECT count(*) FROM waitlist_entries e
          WHERE e.event_id = $1 AND e.wish_no = s.wish_no AND e.status = 'waiting'
            AND e.entry_id NOT IN (SELECT entry_id FROM asked) AND NOT e.person_id = ANY($6::uuid[])
            AND (e.weight > s.weight OR e.weight = s.weight AND e.join_no < s.join_no)),
         s.entry_id
  FROM unnest($9::round_skip[]) s, round
), told AS (
  SELECT enqueue_notifications(array_agg(ROW(
    'offer-made', offer_id::text, $1::uuid, person_id, email, name, language,
    jsonb_build_object('offer_id', offer_id))::notification_command)) AS count
  FROM moved WHERE email IS NOT NULL HAVING count(*) > 0
)
SELECT made.offer_id::text, made.expires_at, made.made_at, made.round_no, (SELECT count FROM told) AS told FROM made
UNION ALL
SELECT NULL, NULL, NULL, round_no, NULL FROM round WHERE NOT EXISTS (SELECT FROM made);

-- name: end_offer
SELECT * FROM end_offer($1, $2, $3, $4, $5);

-- name: hand_offer_to
-- The person who accepted it by a mailed link has its hold.
SELECT hand_offer_to($1, $2);

-- name: holder_of_offer
SELECT coalesce(holder_id, person_id)::text FROM offers WHERE offer_id = $1;

-- name: offer
SELECT * FROM offers WHERE offer_id = $1;

-- name: due_offers
-- Without those of stuck events ($2), which must not fill the list.
SELECT event_id::text, offer_id::text FROM offers
WHERE status = 'open' AND expires_at <= clock_timestamp() AND event_id <> ALL($2::uuid[])
ORDER BY expires_at LIMIT $1;

-- name: warn_offers
-- Open offers near their end, each once; those with an address get a mail, unless the time is too short.
WITH near AS (
  UPDATE offers f SET warned = true FROM waitlist_entries e
  WHERE (f.event_id, f.offer_id) IN (
      SELECT event_id, offer_id FROM offers
      WHERE status = 'open' AND NOT warned AND expires_at > clock_timestamp()
        AND expires_at <= clock_timestamp() + least(interval '5 minutes', (expires_at - made_at) / 4)
      FOR UPDATE SKIP LOCKED)
    AND e.event_id = f.event_id AND e.entry_id = f.entry_id
  RETURNING f.event_id, f.offer_id, f.entry_id, f.person_id, f.expires_at, e.email, e.name, e.language
), told AS (
  SELECT enqueue_notifications(array_agg(ROW(
    'offer-expiring', offer_id::text, event_id, person_id, email, name, language,
    jsonb_build_object('offer_id', offer_id))::notification_command)) AS count
  FROM near WHERE email IS NOT NULL AND expires_at > clock_timestamp() + interval '1 minute' HAVING count(*) > 0
)
SELECT event_id::text, offer_id::text, entry_id::text, person_id::text, expires_at, (SELECT count FROM told) AS told
FROM near;

-- name: no_round
-- Whether no round is under way: claims of earlier rounds are committed by now, or never will be.
SELECT pg_try_advisory_xact_lock_shared(line_key($1));

-- name: offer_truth
-- Offers that claim their seats: open ones, and accepted ones whose hold may still be alive and unbooked.
-- Without those whose seats somebody else has by now: their holds were given back, which only Redis knew.
SELECT f.offer_id::text, coalesce(f.holder_id, f.person_id)::text AS person_id, f.seats, f.areas, f.quantity,
  f.prices, f.made_at,
       coalesce(f.hold_expires_at, f.expires_at) AS expires_at, f.status, f.entry_id::text
FROM offers f
WHERE f.event_id = $1 AND (f.status = 'open' OR f.status = 'used' AND f.hold_expires_at > clock_timestamp()
  AND NOT EXISTS (SELECT FROM bookings b
    WHERE b.event_id = f.event_id AND b.hold_id = f.offer_id AND b.status IN ('pending', 'confirmed', 'cancelled'))
  AND NOT EXISTS (SELECT FROM offers g WHERE g.event_id = f.event_id AND g.made_at > f.made_at AND g.seats && f.seats)
  AND NOT EXISTS (SELECT FROM seats s WHERE s.event_id = f.event_id AND s.seat_no = ANY(f.seats)
    AND s.state <> 'available'));

-- name: ended_offers
SELECT offer_id::text, person_id::text, coalesce(holder_id, person_id)::text AS holder_id, status, hold_expires_at
FROM offers
WHERE event_id = $1 AND offer_id = ANY($2::uuid[]) AND status <> 'open';

-- name: offers_to_lay
SELECT f.offer_id::text, f.person_id::text, f.seats, f.areas, f.quantity, f.prices, f.made_at, f.expires_at, f.status,
  f.entry_id::text
FROM offers f WHERE f.event_id = $1 AND f.offer_id = ANY($2::uuid[]) AND f.status = 'open';

-- name: waits
SELECT EXISTS (SELECT FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting');

-- name: places
-- The waiting entries behind one place, in pages.
SELECT entry_id::text, weight, join_no FROM waitlist_entries
WHERE event_id = $1 AND status = 'waiting' AND ($2::integer IS NULL OR weight < $2 OR weight = $2 AND join_no > $3)
ORDER BY weight DESC, join_no LIMIT $4;

-- name: waiting
SELECT count(*)::integer FROM waitlist_entries WHERE event_id = $1 AND status = 'waiting';
