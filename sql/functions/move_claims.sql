-- Moves the places of some bookings between reserved and sold (-1, 0 or +1 each) in the rows that
-- bookings share: claims, marks (which count both as one), areas, each locked by key, as every other
-- function does.
CREATE OR REPLACE FUNCTION move_claims(
  p_event_ids uuid[], p_booking_ids uuid[], p_ords integer[], p_reserved integer, p_sold integer
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
  WITH moved AS (
    SELECT b.event_id, b.buyer_id, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
    JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
    GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT c.event_id, c.buyer_id, m.quantity
    FROM buyer_claims c JOIN moved m USING (event_id, buyer_id)
    ORDER BY 1, 2 FOR UPDATE OF c
  )
  UPDATE buyer_claims c SET reserved = c.reserved + p_reserved * l.quantity,
    sold = c.sold + p_sold * l.quantity, version = c.version + 1
  FROM locked l
  WHERE c.event_id = l.event_id AND c.buyer_id = l.buyer_id;

  IF p_reserved + p_sold <> 0 THEN
    WITH moved AS (
      SELECT b.event_id, m.mark, sum(i.quantity)::integer AS quantity
      FROM unnest(p_ords) o
      JOIN bookings b ON b.event_id = p_event_ids[o] AND b.booking_id = p_booking_ids[o]
      JOIN booking_items i ON i.event_id = b.event_id AND i.booking_id = b.booking_id
      CROSS JOIN LATERAL (VALUES (b.email_mark), (b.card_mark)) m(mark)
      WHERE m.mark IS NOT NULL GROUP BY 1, 2
    ), locked AS MATERIALIZED (
      SELECT c.event_id, c.mark, m.quantity
      FROM mark_claims c JOIN moved m USING (event_id, mark)
      ORDER BY 1, 2 FOR UPDATE OF c
    )
    UPDATE mark_claims c SET places = c.places + (p_reserved + p_sold) * l.quantity
    FROM locked l WHERE c.event_id = l.event_id AND c.mark = l.mark;
  END IF;

  WITH moved AS (
    SELECT i.event_id, i.area_no, sum(i.quantity)::integer AS quantity
    FROM unnest(p_ords) o
    JOIN booking_items i ON i.event_id = p_event_ids[o] AND i.booking_id = p_booking_ids[o]
    WHERE i.area_no IS NOT NULL GROUP BY 1, 2
  ), locked AS MATERIALIZED (
    SELECT a.event_id, a.area_no, m.quantity
    FROM areas a JOIN moved m USING (event_id, area_no)
    ORDER BY 1, 2 FOR UPDATE OF a
  )
  UPDATE areas a SET reserved = a.reserved + p_reserved * l.quantity,
    sold = a.sold + p_sold * l.quantity, version = a.version + 1
  FROM locked l
  WHERE a.event_id = l.event_id AND a.area_no = l.area_no;
END $$;
