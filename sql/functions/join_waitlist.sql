-- Adds waitlist entries in the order of p_joins. An event without a waitlist gets one, whose offers last
-- p_offer_window_s; p_weights: the weight of each tier. Outcomes: joined; there (waiting already: entry_id is
-- the existing entry, same says whether its wish is the same); closed; unknown (no such event on sale).
CREATE OR REPLACE FUNCTION join_waitlist(p_joins join_command[], p_offer_window_s integer, p_weights jsonb)
RETURNS TABLE (ord integer, outcome text, entry_id uuid, same boolean, weight integer, join_no bigint)
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  j join_command;
  v_event uuid;
  v_round integer;
  v_wish integer;
  v_tier text;
  v_weight integer;
  v_join bigint;
  v_there waitlist_entries%ROWTYPE;
  joined integer[] := '{}';
BEGIN
  FOR v_event IN SELECT DISTINCT a.event_id FROM unnest(p_joins) a ORDER BY 1 LOOP
    PERFORM pg_advisory_xact_lock_shared(line_key(v_event));
  END LOOP;
  FOR o IN 1 .. cardinality(p_joins) LOOP
    j := p_joins[o];
    ord := o; entry_id := NULL; same := NULL; weight := NULL; join_no := NULL;
    INSERT INTO waitlists (event_id, offer_window_s)
    SELECT e.event_id, p_offer_window_s FROM events e
    WHERE e.event_id = j.event_id AND e.status <> 'cancelled'
    ON CONFLICT DO NOTHING;
    SELECT w.round_no INTO v_round FROM waitlists w JOIN events e USING (event_id)
    WHERE event_id = j.event_id AND e.status <> 'cancelled';
    IF NOT FOUND THEN outcome := 'unknown'; RETURN NEXT; CONTINUE; END IF;
    v_wish := wish_of(j.event_id, j.quantity, j.together, j.categories, j.sections, j.max_amount_minor);
    SELECT e.* INTO v_there FROM waitlist_entries e
    WHERE e.event_id = j.event_id AND e.person_id = j.person_id AND e.status IN ('waiting', 'offered');
    IF NOT FOUND THEN
      IF (SELECT w.closed FROM waitlists w WHERE w.event_id = j.event_id) THEN
        outcome := 'closed'; RETURN NEXT; CONTINUE;
      END IF;
      v_tier := coalesce((SELECT p.tier FROM people p WHERE p.person_id = j.person_id), 'regular');
      v_weight := (p_weights ->> v_tier)::integer;
      INSERT INTO waitlist_entries AS e (event_id, entry_id, person_id, wish_no, weight, tier, email, name, language)
      VALUES (j.event_id, j.entry_id, j.person_id, v_wish, v_weight, v_tier, j.email, j.name, j.language)
      ON CONFLICT (event_id, person_id) WHERE status IN ('waiting', 'offered') DO NOTHING
      RETURNING e.join_no INTO v_join;
      IF FOUND THEN
        INSERT INTO waitlist_changes (event_id, entry_id, what, wish_no, weight, join_no, actor, round_no)
        VALUES (j.event_id, j.entry_id, 'joined', v_wish, v_weight, v_join, 'person', v_round);
        joined := joined || o;
        outcome := 'joined'; entry_id := j.entry_id; same := true; weight := v_weight; join_no := v_join;
        RETURN NEXT; CONTINUE;
      END IF;
      -- The same person was faster in another request.
      SELECT e.* INTO v_there FROM waitlist_entries e
      WHERE e.event_id = j.event_id AND e.person_id = j.person_id AND e.status IN ('waiting', 'offered');
    END IF;
    outcome := 'there'; entry_id := v_there.entry_id; same := v_there.wish_no = v_wish;
    weight := v_there.weight; join_no := v_there.join_no;
    RETURN NEXT;
  END LOOP;
  PERFORM enqueue_notifications(array_agg(ROW(
    'waitlist-joined', a.entry_id::text, a.event_id, a.person_id, a.email, a.name, a.language,
    jsonb_build_object('entry_id', a.entry_id))::notification_command ORDER BY a.ord))
  FROM unnest(p_joins) WITH ORDINALITY
       a(event_id, entry_id, person_id, quantity, together, categories, sections, max_amount_minor, email, name,
         language, ord)
  WHERE a.ord = ANY (joined) AND a.email IS NOT NULL HAVING count(*) > 0;
END $$;
