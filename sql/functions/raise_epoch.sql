-- Makes the next epoch larger than p_seen. NULL: the event is not published.
CREATE OR REPLACE FUNCTION raise_epoch(p_event_id uuid, p_seen integer) RETURNS integer
LANGUAGE sql AS $$
  UPDATE events SET epoch = greatest(epoch, p_seen) WHERE event_id = p_event_id RETURNING epoch
$$;
