-- migrate:up

-- Places of an area that are kept from sale. capacity stays what can be sold, so every rule about it stays
-- true; all places of an area may be blocked.
ALTER TABLE areas
  ADD COLUMN blocked integer NOT NULL DEFAULT 0 CONSTRAINT areas_blocked_check CHECK (blocked >= 0),
  DROP CONSTRAINT areas_capacity_check,
  ADD CONSTRAINT areas_capacity_check CHECK (capacity >= 0);

-- migrate:down

UPDATE areas SET capacity = capacity + blocked;
ALTER TABLE areas
  DROP COLUMN blocked,
  DROP CONSTRAINT areas_capacity_check,
  ADD CONSTRAINT areas_capacity_check CHECK (capacity > 0);
