-- migrate:up

-- On which clock the start was told: a corrected zone changes the time that people have read. Null: not known,
-- as of events that were told before this column.
ALTER TABLE told_events ADD COLUMN timezone text;

-- migrate:down

ALTER TABLE told_events DROP COLUMN timezone;
