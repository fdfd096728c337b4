-- A seat's state as the digit that Redis and the pages use (engine.base.model.SeatState). Only Redis knows
-- momentary holds, so this never returns digit 1.
CREATE OR REPLACE FUNCTION seat_digit(p_state seat_state) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE p_state WHEN 'available' THEN 0 WHEN 'sold' THEN 2 WHEN 'blocked' THEN 3 ELSE 5 END
$$;
