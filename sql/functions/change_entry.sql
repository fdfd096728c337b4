-- Changes an entry's wish, if it is at the version that was seen (NULL: any). Its place stays.
-- Outcomes: changed, stale, ended (not waiting any more), foreign, unknown.
CREATE OR REPLACE FUNCTION change_entry(
  p_entry_id uuid, p_person_id uuid, p_version integer, p_quantity integer, p_together boolean,
  p_categories jsonb, p_sections jsonb, p_max_amount bigint, p_email text, p_name text, p_language text
) RETURNS TABLE (outcome text, event_id uuid, weight integer, join_no bigint, version integer)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  e waitlist_entries%ROWTYPE;
  v_round integer;
  v_wish integer;
BEGIN
  SELECT x.event_id INTO event_id FROM waitlist_entries x WHERE x.entry_id = p_entry_id;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; RETURN; END IF;
  v_round := share_line(event_id);
  SELECT x.* INTO e FROM waitlist_entries x
  WHERE x.event_id = change_entry.event_id AND x.entry_id = p_entry_id FOR UPDATE;
  weight := e.weight; join_no := e.join_no; version := e.version;
  IF e.person_id <> p_person_id THEN outcome := 'foreign';
  ELSIF e.status <> 'waiting' THEN outcome := 'ended';
  ELSIF e.version <> p_version THEN outcome := 'stale';
  ELSE
    v_wish := wish_of(event_id, p_quantity, p_together,
      (SELECT array_agg(c::smallint ORDER BY c::smallint) FROM jsonb_array_elements_text(p_categories) c),
      (SELECT array_agg(s::smallint ORDER BY s::smallint) FROM jsonb_array_elements_text(p_sections) s), p_max_amount);
    UPDATE waitlist_entries x SET wish_no = v_wish, email = p_email, name = p_name, language = p_language,
      version = x.version + 1, changed_at = clock_timestamp()
    WHERE x.event_id = e.event_id AND x.entry_id = p_entry_id RETURNING x.version INTO version;
    IF v_wish <> e.wish_no THEN
      INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
      VALUES (e.event_id, p_entry_id, 'changed', v_wish, e.weight, e.join_no, 'person', v_round);
    END IF;
    outcome := 'changed';
  END IF;
  RETURN NEXT;
END $$;
