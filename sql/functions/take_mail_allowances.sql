-- Decides which of the mails claimed by p_worker may be sent today. The limits are p_proven_factor times as
-- high for a proven address. Mails about paid bookings are counted separately: p_paid_factor times most,
-- regardless of the limit in all. Mails beyond the limit are skipped, or held until tomorrow if they are
-- about a booking. Returns the skipped and held ones.
CREATE OR REPLACE FUNCTION take_mail_allowances(
  p_worker uuid, p_mails mail_claim[], p_proven_factor integer, p_paid_factor integer
) RETURNS TABLE (notification_id uuid, outcome text)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  m record;
  v_today date := (now() AT TIME ZONE 'UTC')::date;
  v_same integer;
  v_all integer;
  v_trust integer;
  v_most integer;
BEGIN
  FOR m IN
    SELECT a.*, n.kind, p.email_key IS NOT NULL AS is_proven,
           n.kind = 'booking-confirmed' AND EXISTS (
             SELECT FROM bookings b
             WHERE b.event_id = n.event_id AND b.booking_id = (n.facts ->> 'booking_id')::uuid
               AND b.amount_minor > 0) AS is_paid
    FROM unnest(p_mails) WITH ORDINALITY
         a(event_id, notification_id, email_key, mailbox, is_booking, most, most_in_all, ord)
    JOIN notifications n ON n.event_id = a.event_id AND n.notification_id = a.notification_id
    LEFT JOIN proven_addresses p ON p.email_key = a.email_key
    WHERE n.status = 'queued' AND n.leased_by = p_worker
    ORDER BY a.mailbox, a.ord
  LOOP
    -- Other workers count for the same mailbox one after the other; in its order, so nobody waits in a ring.
    PERFORM pg_advisory_xact_lock(hashtextextended('mailbox:' || m.mailbox, 0));
    SELECT coalesce(sum(c.mails) FILTER (WHERE c.event_id = m.event_id AND c.kind = m.kind), 0),
           coalesce(sum(c.mails), 0)
    INTO v_same, v_all
    FROM mail_counts c WHERE c.mailbox = m.mailbox AND c.day = v_today AND c.is_booking = m.is_booking;
    v_trust := CASE WHEN m.is_proven THEN p_proven_factor ELSE 1 END;
    v_most := m.most * v_trust * CASE WHEN m.is_paid THEN p_paid_factor ELSE 1 END;
    IF v_same < v_most AND (m.is_paid OR v_all < m.most_in_all * v_trust) THEN
      INSERT INTO mail_counts AS c (mailbox, day, is_booking, event_id, kind, mails)
      VALUES (m.mailbox, v_today, m.is_booking, m.event_id, m.kind, 1)
      ON CONFLICT ON CONSTRAINT mail_counts_pkey DO UPDATE SET mails = c.mails + 1;
      UPDATE notifications n SET counted = true, held_for = NULL
      WHERE n.event_id = m.event_id AND n.notification_id = m.notification_id;
      CONTINUE;
    END IF;
    UPDATE notifications n SET leased_by = NULL, reason = 'enough-for-a-day',
      status = CASE WHEN m.is_booking THEN 'queued' ELSE 'skipped' END::notification_status,
      ended_at = CASE WHEN m.is_booking THEN NULL ELSE now() END,
      -- Named, a proven address would be let go of at once, and held again, all day long.
      held_for = CASE WHEN m.is_booking AND m.is_proven THEN '' WHEN m.is_booking THEN m.email_key END,
      -- Not all of them at midnight.
      due_at = CASE WHEN m.is_booking
        THEN (v_today + 1)::timestamp AT TIME ZONE 'UTC' + random() * interval '1 hour' ELSE n.due_at END
    WHERE n.event_id = m.event_id AND n.notification_id = m.notification_id;
    notification_id := m.notification_id;
    outcome := CASE WHEN m.is_booking THEN 'held' ELSE 'skipped' END;
    RETURN NEXT;
  END LOOP;
END $$;
