-- The line's lock, until the transaction ends: a round of matching has it alone, whoever changes the line
-- shares it, so the line stands still while a round looks at it, and a rebuild of Redis waits for the
-- round. Advisory, because those queue in order: a stream of people joining cannot keep a round waiting.
CREATE OR REPLACE FUNCTION line_key(p_event_id uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT hashtextextended('waitlist:' || p_event_id::text, 0)
$$;
