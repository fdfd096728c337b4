-- Takes the waitlist's lock shared; returns the number of the latest round.
CREATE OR REPLACE FUNCTION share_line(p_event_id uuid) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(line_key(p_event_id));
  RETURN (SELECT w.round_no FROM waitlists w WHERE w.event_id = p_event_id);
END $$;
