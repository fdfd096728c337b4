-- The answers to first requests, to be given again; only the first answer is stored.
CREATE OR REPLACE FUNCTION answer_keys(
  p_event_ids uuid[], p_buyer_ids uuid[], p_keys text[], p_responses jsonb[]
) RETURNS void
LANGUAGE sql AS $$
  UPDATE idempotency_keys k SET response = a.response
  FROM unnest(p_event_ids, p_buyer_ids, p_keys, p_responses) a(event_id, buyer_id, key, response)
  WHERE k.buyer_id = a.buyer_id AND k.key = a.key AND k.event_id = a.event_id AND k.response IS NULL
$$;
