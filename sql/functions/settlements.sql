-- What Redis must be told about bookings that just changed (those at p_ords), in the notation of
-- settle.lua: seats "no:digit:version,…", areas "no:sold:version,…", buyer "id:sold:version".
CREATE OR REPLACE FUNCTION settlements(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_outcome text
) RETURNS TABLE (ord integer, event_id uuid, booking_id uuid, payload jsonb)
LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
  SELECT o, b.event_id, b.booking_id, jsonb_build_object(
    'hold_id', b.hold_id,
    'outcome', p_outcome,
    'seats', coalesce(string_agg(
      s.seat_no || ':' || seat_digit(s.state) || ':' || s.version, ',') FILTER (WHERE s.seat_no IS NOT NULL), ''),
    'areas', coalesce(string_agg(
      a.area_no || ':' || a.sold || ':' || a.version, ',') FILTER (WHERE a.area_no IS NOT NULL), ''),
    'buyer', b.buyer_id || ':' || c.sold || ':' || c.version)
  FROM unnest(p_ords) o
  JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
  JOIN buyer_claims c ON c.event_id = b.event_id AND c.buyer_id = b.buyer_id
  JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
  LEFT JOIN seats s ON s.event_id = i.event_id AND s.seat_no = i.seat_no
  LEFT JOIN areas a ON a.event_id = i.event_id AND a.area_no = i.area_no
  GROUP BY o, b.event_id, b.booking_id, b.hold_id, b.buyer_id, c.sold, c.version
$$;
