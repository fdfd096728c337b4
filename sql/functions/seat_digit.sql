-- A seat's state as the digit that Redis and the pages know (engine.base.model.SeatState). A momentary hold is
-- Redis' alone, so digit 1 never comes from here.
CREATE OR REPLACE FUNCTION seat_digit(p_state seat_state) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_state WHEN 'available' THEN 0 WHEN 'sold' THEN 2 WHEN 'blocked' THEN 3 ELSE 5 END
$$;
