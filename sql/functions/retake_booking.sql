-- After the late payment of an expired booking: takes the same places again if all are free and the event
-- is still on sale. True: the booking is pending again. The caller has locked the booking's row.
CREATE OR REPLACE FUNCTION retake_booking(p_event_id uuid, p_booking_id uuid) RETURNS boolean
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_quantity integer;
  v_buyer uuid;
BEGIN
  -- Once the money is on its way back, the answer stands, whatever has become free since.
  IF EXISTS (SELECT FROM payments p WHERE p.event_id = p_event_id AND p.booking_id = p_booking_id
               AND p.status IN ('refund_pending', 'refunded'))
  THEN RETURN false; END IF;
  SELECT sum(i.quantity), min(b.buyer_id::text)::uuid INTO v_quantity, v_buyer
  FROM booking_items i JOIN bookings b USING (event_id, booking_id)
  WHERE event_id = p_event_id AND booking_id = p_booking_id;
  PERFORM FROM buyer_claims c JOIN events e USING (event_id)
  WHERE c.event_id = p_event_id AND c.buyer_id = v_buyer AND e.status <> 'cancelled'
    AND c.reserved + c.sold + v_quantity <= e.buyer_limit
  FOR UPDATE OF c;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM FROM mark_claims c JOIN bookings b ON b.event_id = c.event_id AND c.mark IN (b.email_mark, b.card_mark)
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id ORDER BY c.mark FOR UPDATE OF c;
  IF EXISTS (SELECT FROM mark_claims c JOIN events e USING (event_id)
             JOIN bookings b ON b.event_id = c.event_id AND c.mark IN (b.email_mark, b.card_mark)
             WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id
               AND c.places + v_quantity > e.buyer_limit)
  THEN RETURN false; END IF;
  PERFORM FROM areas a JOIN booking_items i ON i.event_id = a.event_id AND i.area_no = a.area_no
  WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id ORDER BY a.area_no FOR UPDATE OF a;
  PERFORM FROM seats s JOIN booking_items i ON i.event_id = s.event_id AND i.seat_no = s.seat_no
  WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id ORDER BY s.seat_no FOR UPDATE OF s;
  IF EXISTS (SELECT FROM seats s JOIN booking_items i ON i.event_id = s.event_id AND i.seat_no = s.seat_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id AND s.state <> 'available')
  OR EXISTS (SELECT FROM offer_seats f JOIN booking_items i ON i.event_id = f.event_id AND i.seat_no = f.seat_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id AND f.live)
  OR EXISTS (SELECT FROM areas a JOIN booking_items i ON i.event_id = a.event_id AND i.area_no = a.area_no
             WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
               AND a.capacity - a.reserved - a.sold - offered_places(a.event_id, a.area_no, NULL) < i.quantity)
  OR EXISTS (SELECT FROM bookings b JOIN bookings mine ON mine.event_id = b.event_id AND mine.hold_id = b.hold_id
             WHERE mine.event_id = p_event_id AND mine.booking_id = p_booking_id AND b.live)
  THEN RETURN false; END IF;
  UPDATE bookings SET status = 'pending', live = true, expires_at = now(), version = version + 1
  WHERE event_id = p_event_id AND booking_id = p_booking_id;
  UPDATE booking_items SET live = true WHERE event_id = p_event_id AND booking_id = p_booking_id;
  UPDATE seats s SET state = 'reserved', version = s.version + 1, booking_id = p_booking_id
  FROM booking_items i WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
    AND s.event_id = i.event_id AND s.seat_no = i.seat_no;
  UPDATE areas a SET reserved = a.reserved + i.quantity, version = a.version + 1
  FROM booking_items i WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id
    AND a.event_id = i.event_id AND a.area_no = i.area_no;
  UPDATE buyer_claims SET reserved = reserved + v_quantity, version = version + 1
  WHERE event_id = p_event_id AND buyer_id = v_buyer;
  UPDATE mark_claims c SET places = c.places + v_quantity FROM bookings b
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id
    AND c.event_id = b.event_id AND c.mark IN (b.email_mark, b.card_mark);
  RETURN true;
END $$;
