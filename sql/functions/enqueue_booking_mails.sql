-- Queues one mail about each of some bookings. If the whole event is cancelled, its buyers get only the mail
-- about that.
CREATE OR REPLACE FUNCTION enqueue_booking_mails(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_kind text
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  PERFORM enqueue_notifications(array_agg(ROW(
    CASE WHEN m.is_off THEN 'event-cancelled' ELSE p_kind END,
    CASE WHEN m.is_off THEN m.event_id ELSE m.booking_id END::text,
    m.event_id, m.buyer_id, m.email, m.name, NULL,
    CASE WHEN m.is_off THEN '{}' ELSE jsonb_build_object('booking_id', m.booking_id) END)::notification_command))
  FROM (
    SELECT b.event_id, b.booking_id, b.buyer_id, b.email, b.name,
           p_kind = 'booking-cancelled' AND e.status = 'cancelled' AS is_off
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN events e ON e.event_id = b.event_id
  ) m;
END $$;
