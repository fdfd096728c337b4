-- name: due
-- Takes due rows and defers them for a while, so that several workers share the work and rows taken by a
-- killed one come back.
-- Materialized: as a joined subquery it could run, and lock, once for each row of the table.
WITH d AS MATERIALIZED (
  SELECT event_id, outbox_id FROM outbox
  WHERE due_at <= now() AND created_at <= now() - make_interval(secs => $1)
  ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE outbox o SET due_at = now() + make_interval(secs => least(60, 2 ^ least(o.attempts, 6))),
  attempts = o.attempts + 1
FROM d
WHERE o.event_id = d.event_id AND o.outbox_id = d.outbox_id
RETURNING o.event_id::text, o.outbox_id, o.kind, o.booking_id::text, o.payload, o.created_at, o.attempts,
  (SELECT b.request_id FROM bookings b WHERE b.event_id = o.event_id AND b.booking_id = o.booking_id) AS request_id;

-- name: delivered
-- By two arrays, because these use the index; as rows of a table they would be compared with every row of
-- the outbox. An outbox_id belongs to one event only.
DELETE FROM outbox WHERE event_id = ANY($1::uuid[]) AND outbox_id = ANY($2::uuid[]);

-- name: settled
-- Deletes a row as soon as it is carried out by the process that made the sale.
SELECT forget_settlements($1, $2);

-- name: age_s
SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM outbox;
