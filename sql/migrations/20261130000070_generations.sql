-- migrate:up

-- The history of this database, one mark for each second in which anything was written. Redis keeps the
-- latest that it has seen: a database that does not have it is another one, or was restored to an earlier
-- moment, whatever it has counted up to since. Old marks are forgotten (beat_generation).
CREATE TABLE generations (
  counter bigint PRIMARY KEY,
  mark uuid NOT NULL DEFAULT gen_random_uuid(),
  -- The number of the next transaction that writes, after the one that set the mark.
  next_xid bigint NOT NULL,
  set_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Which server this is. The timeline grows with each promotion; a standby has none.
CREATE FUNCTION server_sign(OUT system_id text, OUT timeline integer, OUT started_at text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT (SELECT s.system_identifier::text FROM pg_control_system() s),
    CASE WHEN NOT pg_is_in_recovery() THEN
      ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END,
    to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
$$;

-- Sets the next mark, where a second has passed since the last one and anything was written.
-- knows: this database has the mark p_mark at p_counter; null where none was asked for.
CREATE FUNCTION beat_generation(p_counter bigint, p_mark uuid, OUT knows boolean, OUT counter bigint, OUT mark uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
  last generations%ROWTYPE;
BEGIN
  IF p_mark IS NOT NULL THEN
    knows := EXISTS (SELECT FROM generations g WHERE g.counter = p_counter AND g.mark = p_mark);
  END IF;
  SELECT * INTO last FROM generations g ORDER BY g.counter DESC LIMIT 1;
  IF last.counter IS NULL OR last.set_at < clock_timestamp() - interval '0.9 seconds'
     -- Not less than: where it was restored into a new server, the numbers begin anew.
     AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint <> last.next_xid THEN
    -- Another worker may be as fast.
    INSERT INTO generations (counter, next_xid)
    VALUES (coalesce(last.counter, 0) + 1, pg_current_xact_id()::text::bigint + 1)
    ON CONFLICT DO NOTHING;
    DELETE FROM generations g WHERE g.counter < last.counter - 10000;
  END IF;
  SELECT g.counter, g.mark INTO beat_generation.counter, beat_generation.mark
  FROM generations g ORDER BY g.counter DESC LIMIT 1;
END;
$$;

-- migrate:down

DROP FUNCTION beat_generation(bigint, uuid);
DROP FUNCTION server_sign();
DROP TABLE generations;
