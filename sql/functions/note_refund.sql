-- Records that the gateway has refunded a payment, once, and queues a mail to the buyer.
CREATE OR REPLACE FUNCTION note_refund(p_event_id uuid, p_booking_id uuid, p_actor text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_amount bigint;
BEGIN
  UPDATE payments SET status = 'refunded', updated_at = now()
  WHERE event_id = p_event_id AND booking_id = p_booking_id AND status = 'refund_pending'
  RETURNING amount_minor INTO v_amount;
  IF FOUND THEN
    INSERT INTO audit (event_id, booking_id, action, actor) VALUES (p_event_id, p_booking_id, 'refunded', p_actor);
    -- Nobody is told that nothing was given back.
    IF v_amount > 0 THEN
      PERFORM enqueue_booking_mails(ARRAY[p_event_id], ARRAY[p_booking_id], ARRAY[1], 'booking-refunded');
    END IF;
  END IF;
END $$;
