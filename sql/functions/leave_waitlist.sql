-- A person leaves the waitlist; an open offer is declined with it. Outcomes: left, already (not waiting),
-- foreign, unknown. offer_id: the offer that ended.
CREATE OR REPLACE FUNCTION leave_waitlist(p_entry_id uuid, p_person_id uuid)
RETURNS TABLE (outcome text, event_id uuid, offer_id uuid)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x
  WHERE x.event_id = leave_waitlist.event_id AND x.entry_id = p_entry_id FOR UPDATE;
  IF e.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF e.status NOT IN ('waiting', 'offered') THEN outcome := 'already';
  ELSE
    UPDATE offers f SET status = 'declined', ended_at = clock_timestamp()
    WHERE f.event_id = e.event_id AND f.entry_id = p_entry_id AND f.status = 'open'
    RETURNING f.offer_id INTO offer_id;
    UPDATE offer_seats s SET live = false WHERE s.event_id = e.event_id AND s.offer_id = leave_waitlist.offer_id;
    UPDATE waitlist_entries x SET status = 'left', version = x.version + 1, changed_at = clock_timestamp()
    WHERE x.event_id = e.event_id AND x.entry_id = p_entry_id;
    INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
    VALUES (e.event_id, p_entry_id, 'left', e.wish_no, e.weight, e.join_no, 'person', v_round);
    outcome := 'left';
  END IF;
  RETURN NEXT;
END $$;
