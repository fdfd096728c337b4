-- The number of a wish, which is added if it is new.
CREATE OR REPLACE FUNCTION wish_of(
  p_event_id uuid, p_quantity integer, p_together boolean, p_categories smallint[], p_sections smallint[],
  p_max_amount bigint
) RETURNS integer
LANGUAGE plpgsql
SET enable_seqscan = off SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  v_wish integer;
BEGIN
  LOOP
    SELECT w.wish_no INTO v_wish FROM waitlist_wishes w
    WHERE w.event_id = p_event_id AND w.quantity = p_quantity AND w.together = p_together
      AND w.categories IS NOT DISTINCT FROM p_categories AND w.sections IS NOT DISTINCT FROM p_sections
      AND w.max_amount_minor IS NOT DISTINCT FROM p_max_amount;
    IF FOUND THEN RETURN v_wish; END IF;
    INSERT INTO waitlist_wishes (event_id, quantity, together, categories, sections, max_amount_minor)
    VALUES (p_event_id, p_quantity, p_together, p_categories, p_sections, p_max_amount)
    ON CONFLICT DO NOTHING RETURNING wish_no INTO v_wish;
    IF FOUND THEN RETURN v_wish; END IF;
  END LOOP;
END $$;
