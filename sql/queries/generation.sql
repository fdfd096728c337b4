-- name: sign
-- Which server answers: its system, the timeline (null: a standby) and since when it runs.
SELECT system_id, timeline, started_at FROM server_sign();

-- name: beat
-- Sets a mark where one is due; says whether an earlier one ($1, $2) is known here, and which is the latest.
SELECT s.system_id, s.timeline, s.started_at, b.knows, b.counter, b.mark::text
FROM server_sign() s, beat_generation($1, $2) b;
