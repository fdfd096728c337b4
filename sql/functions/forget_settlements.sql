-- Deletes the outbox's settlements of these sales, which have been carried out. By two arrays, because these
-- use the index; as rows of a table they would be compared with every row of the outbox. An outbox_id belongs
-- to one event only. Owed refunds stay: only the worker deletes them.
CREATE OR REPLACE FUNCTION forget_settlements(p_event_ids uuid[], p_outbox_ids uuid[]) RETURNS void
LANGUAGE sql AS $$
  DELETE FROM outbox WHERE event_id = ANY(p_event_ids) AND outbox_id = ANY(p_outbox_ids) AND kind = 'settle'
$$;
