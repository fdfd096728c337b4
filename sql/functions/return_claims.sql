-- The end of reserve_bookings for refused commands: their counted places are given back, and their keys are
-- deleted. p_outcomes: NULL for reserved commands; p_email_over, p_card_over: commands whose mailbox or card
-- was not counted.
CREATE OR REPLACE FUNCTION return_claims(
  p_commands reserve_command[], p_quantities integer[], p_outcomes text[], p_email_over integer[],
  p_card_over integer[]
) RETURNS void
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
SET join_collapse_limit = 1 SET from_collapse_limit = 1 SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  -- The others lost before anything was counted.
  c_counted CONSTANT text[] := '{hold-booked,seat-unavailable,hold-expired,email-limit-reached,card-limit-reached}';
BEGIN
  UPDATE buyer_claims c SET reserved = c.reserved - p_quantities[a.ord], version = c.version + 1
  FROM unnest(p_commands) a
  WHERE c.event_id = a.event_id AND c.buyer_id = a.buyer_id AND p_outcomes[a.ord] = ANY (c_counted);

  UPDATE mark_claims c SET places = c.places - l.places
  FROM (
    SELECT a.event_id, m.mark, sum(p_quantities[a.ord])::integer AS places
    FROM unnest(p_commands) a CROSS JOIN LATERAL
      (VALUES (a.email_mark, a.ord = ANY (coalesce(p_email_over, '{}'))),
              (a.card_mark, a.ord = ANY (coalesce(p_card_over, '{}')))) m(mark, is_over)
    WHERE NOT m.is_over AND m.mark IS NOT NULL AND p_outcomes[a.ord] = ANY (c_counted)
    GROUP BY 1, 2 ORDER BY 1, 2
  ) l WHERE c.event_id = l.event_id AND c.mark = l.mark;

  DELETE FROM idempotency_keys k USING unnest(p_commands) a
  WHERE k.buyer_id = a.buyer_id AND k.key = a.key AND k.booking_id = a.booking_id
    AND p_outcomes[a.ord] IS NOT NULL;
END $$;
