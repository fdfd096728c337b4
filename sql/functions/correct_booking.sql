-- Corrects a buyer's address and name. Mails about the booking that nobody has sent yet go to the new address,
-- and links mailed to another address end. p_version: the version the caller saw, NULL for any. Outcomes:
-- corrected; unchanged; stale (another version); unknown.
CREATE OR REPLACE FUNCTION correct_booking(
  p_event_id uuid, p_booking_id uuid, p_version integer, p_email text, p_name text, p_email_mark uuid,
  p_moves boolean, p_actor text
) RETURNS TABLE (outcome text, version integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  was bookings;
  v_places integer;
BEGIN
  SELECT * INTO was FROM bookings b WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id FOR UPDATE;
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', NULL::integer;
    RETURN;
  ELSIF was.version <> p_version THEN
    RETURN QUERY SELECT 'stale', was.version;
    RETURN;
  ELSIF was.email = p_email AND was.name = p_name THEN
    RETURN QUERY SELECT 'unchanged', was.version;
    RETURN;
  END IF;

  UPDATE bookings b SET email = p_email, name = p_name, email_mark = p_email_mark, version = b.version + 1,
    link_generation = CASE WHEN p_moves THEN (b.link_generation + 1) % 32768 ELSE b.link_generation END
  WHERE b.event_id = p_event_id AND b.booking_id = p_booking_id;

  -- The limit of a mailbox counts what is sold to it. Staff may exceed it.
  IF was.live AND was.email_mark IS DISTINCT FROM p_email_mark THEN
    SELECT sum(i.quantity) INTO v_places FROM booking_items i
    WHERE i.event_id = p_event_id AND i.booking_id = p_booking_id;
    -- In the order of their keys, as every other function changes them.
    INSERT INTO mark_claims AS c (event_id, mark, places)
    SELECT p_event_id, m.mark, greatest(m.places, 0)
    FROM (VALUES (was.email_mark, -v_places), (p_email_mark, v_places)) m(mark, places)
    WHERE m.mark IS NOT NULL ORDER BY m.mark
    ON CONFLICT (event_id, mark) DO UPDATE
      SET places = c.places + CASE c.mark WHEN p_email_mark THEN v_places ELSE -v_places END;
  END IF;

  -- A worker that has such a mail in its hands finds that it lost it before it sends it.
  UPDATE notifications n SET email = p_email, name = p_name, leased_by = NULL, due_at = now(), counted = false,
    held_for = NULL
  WHERE n.event_id = p_event_id AND n.status = 'queued' AND n.person_id = was.buyer_id
    AND n.cause IN (SELECT p_booking_id::text
                    UNION ALL SELECT p_booking_id || ':' || g FROM generate_series(1, was.mails_resent) g);

  INSERT INTO audit (event_id, booking_id, action, actor, details)
  VALUES (p_event_id, p_booking_id, 'corrected', p_actor, jsonb_build_object(
    'before', jsonb_build_object('email', was.email, 'name', was.name),
    'after', jsonb_build_object('email', p_email, 'name', p_name), 'links_ended', p_moves));
  RETURN QUERY SELECT 'corrected', was.version + 1;
END $$;
