-- Ends an open offer, once, and its entry with it. p_person_id: the required owner (NULL: any).
-- Outcomes: ended; already (it ended in the same way before);
-- over (it ended otherwise, or its time is over: see status), not-due (its time is not over), foreign, unknown.
CREATE OR REPLACE FUNCTION end_offer(
  p_offer_id uuid, p_person_id uuid, p_to offer_status, p_actor text, p_reason text
) RETURNS TABLE (outcome text, event_id uuid, entry_id uuid, person_id uuid, status offer_status,
                 hold_expires_at timestamptz, weight integer, join_no bigint)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  f offers%ROWTYPE;
  e waitlist_entries%ROWTYPE;
  v_round integer;
  v_now timestamptz;
BEGIN
  SELECT x.event_id INTO event_id FROM offers x WHERE x.offer_id = p_offer_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  -- The entry first, as leave_waitlist does: two ends of one offer then wait for each other, and no more.
  SELECT w.* INTO e FROM waitlist_entries w JOIN offers x USING (event_id, entry_id)
  WHERE x.event_id = end_offer.event_id AND x.offer_id = p_offer_id FOR UPDATE OF w;
  SELECT x.* INTO f FROM offers x WHERE x.event_id = end_offer.event_id AND x.offer_id = p_offer_id FOR UPDATE;
  entry_id := f.entry_id; person_id := f.person_id; status := f.status;
  hold_expires_at := f.hold_expires_at; weight := e.weight; join_no := e.join_no;
  -- One moment: what is decided to be in time is written down as in time.
  v_now := clock_timestamp();
  IF f.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF f.status = p_to THEN outcome := 'already';
  ELSIF f.status <> 'open' THEN outcome := 'over';
  ELSIF p_to = 'expired' AND f.expires_at > v_now THEN outcome := 'not-due';
  ELSIF p_to IN ('used', 'declined') AND f.expires_at <= v_now THEN
    outcome := 'over'; status := 'expired';
  ELSE
    UPDATE offers x SET status = p_to, ended_at = v_now, reason = p_reason,
      hold_expires_at = CASE p_to WHEN 'used' THEN v_now + make_interval(secs =>
        (SELECT v.hold_ttl_s FROM events v WHERE v.event_id = x.event_id)) END
    WHERE x.event_id = f.event_id AND x.offer_id = p_offer_id
    RETURNING x.hold_expires_at INTO hold_expires_at;
    UPDATE offer_seats s SET live = false WHERE s.event_id = f.event_id AND s.offer_id = p_offer_id;
    UPDATE waitlist_entries x SET version = x.version + 1, changed_at = clock_timestamp(),
      status = CASE p_to WHEN 'used' THEN 'accepted' WHEN 'declined' THEN 'declined'
               WHEN 'expired' THEN 'lapsed' ELSE 'waiting' END::entry_status
    WHERE x.event_id = f.event_id AND x.entry_id = f.entry_id;
    INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, reason, round_no)
    VALUES (f.event_id, f.entry_id, CASE p_to WHEN 'used' THEN 'accepted' WHEN 'declined' THEN 'declined'
            WHEN 'expired' THEN 'lapsed' ELSE 'withdrawn' END, e.wish_no, e.weight, e.join_no, p_actor, p_reason,
            v_round);
    status := p_to; outcome := 'ended';
  END IF;
  RETURN NEXT;
END $$;
