-- The next epoch of the event's Redis state, larger than any before. NULL: the event is not published.
CREATE OR REPLACE FUNCTION next_epoch(p_event_id uuid, p_seen integer) RETURNS integer
LANGUAGE sql AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) + 1 WHERE event_id = p_event_id RETURNING epoch
$$;
