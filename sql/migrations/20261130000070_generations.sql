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

-- migrate:down

DROP TABLE generations;
