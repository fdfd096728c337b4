-- Queues one more mail with the tickets of a confirmed booking. Outcomes: queued; waiting (such a mail has not
-- been sent yet: that one); refused (see status); no-address; unknown.
CREATE OR REPLACE FUNCTION resend_tickets(p_event_id uuid, p_booking_id uuid, p_actor text)
RETURNS TABLE (outcome text, status text, mail_id uuid, email text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  b bookings;
  v_mail_id uuid;
  v_cause text;
BEGIN
  SELECT * INTO b FROM bookings k WHERE k.event_id = p_event_id AND k.booking_id = p_booking_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::text, NULL::uuid, NULL::text;
    RETURN;
  ELSIF b.status <> 'confirmed' THEN
    RETURN QUERY SELECT 'refused', b.status::text, NULL::uuid, NULL::text;
    RETURN;
  END IF;
  SELECT n.notification_id INTO v_mail_id FROM notifications n
  WHERE n.event_id = p_event_id AND n.kind = 'booking-confirmed' AND n.status IN ('queued', 'sending')
    AND n.person_id = b.buyer_id
    AND n.cause IN (SELECT p_booking_id::text
                    UNION ALL SELECT p_booking_id || ':' || g FROM generate_series(1, b.mails_resent) g);
  IF v_mail_id IS NOT NULL THEN
    RETURN QUERY SELECT 'waiting', b.status::text, v_mail_id, b.email;
    RETURN;
  END IF;

  v_cause := p_booking_id || ':' || b.mails_resent + 1;
  IF enqueue_notifications(ARRAY[ROW('booking-confirmed', v_cause, p_event_id, b.buyer_id, b.email, b.name, NULL,
      jsonb_build_object('booking_id', p_booking_id))::notification_command]) = 0 THEN
    RETURN QUERY SELECT 'no-address', b.status::text, NULL::uuid, b.email;
    RETURN;
  END IF;
  UPDATE bookings k SET mails_resent = k.mails_resent + 1
  WHERE k.event_id = p_event_id AND k.booking_id = p_booking_id;
  INSERT INTO audit (event_id, booking_id, action, actor)
  VALUES (p_event_id, p_booking_id, 'tickets-resent', p_actor);
  RETURN QUERY SELECT 'queued', b.status::text, n.notification_id, b.email FROM notifications n
  WHERE n.event_id = p_event_id AND n.cause = v_cause AND n.kind = 'booking-confirmed';
END $$;
