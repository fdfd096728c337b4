-- Sets the next mark, if a second has passed since the last one and anything was written.
-- knows: this database has the mark p_mark at p_counter; null where none was asked for.
CREATE OR REPLACE FUNCTION beat_generation(
  p_counter bigint, p_mark uuid, OUT knows boolean, OUT counter bigint, OUT mark uuid
)
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
