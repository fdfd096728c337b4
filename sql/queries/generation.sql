-- name: sign
-- The server: its system, the timeline (null: a standby) and its start.
SELECT system_id, timeline, started_at FROM server_sign();

-- name: beat
-- Sets a mark if one is due; returns whether an earlier one ($1, $2) is known here, and the latest one.
SELECT s.system_id, s.timeline, s.started_at, b.knows, b.counter, b.mark::text
FROM server_sign() s, beat_generation($1, $2) b;
