-- The seats that the hold cannot have: sold, reserved or blocked, or offered to somebody else in the
-- waitlist.
CREATE OR REPLACE FUNCTION seats_lost(p_event_id uuid, p_hold_id uuid, p_seat_nos integer[]) RETURNS integer[]
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
  SELECT ARRAY(
    SELECT w.seat_no FROM unnest(p_seat_nos) w(seat_no)
    LEFT JOIN seats s ON s.event_id = p_event_id AND s.seat_no = w.seat_no
    WHERE s.state IS DISTINCT FROM 'available' OR EXISTS (
      SELECT FROM offer_seats f WHERE f.event_id = p_event_id AND f.seat_no = w.seat_no AND f.live
        AND f.offer_id <> p_hold_id)
    ORDER BY 1)
$$;
