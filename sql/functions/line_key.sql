-- The key of the waitlist's lock, held until the transaction ends: exclusive for a matching round, shared for
-- changes of the waitlist. So the waitlist does not change during a round, and a rebuild of Redis waits for
-- the round. Advisory locks queue in order, so a stream of people joining cannot keep a round waiting.
CREATE OR REPLACE FUNCTION line_key(p_event_id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended('waitlist:' || p_event_id::text, 0)
$$;
