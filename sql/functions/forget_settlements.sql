-- What the outbox still says of these sales has been carried out. By two arrays, which the index is
-- searched by; as rows of a table they would be compared with every row of the outbox. An outbox_id is
-- of one event only. Money owed back stays: the worker alone says that it was given.
CREATE OR REPLACE FUNCTION forget_settlements(p_event_ids uuid[], p_outbox_ids uuid[]) RETURNS void
LANGUAGE sql AS $$
  DELETE FROM outbox WHERE event_id = ANY(p_event_ids) AND outbox_id = ANY(p_outbox_ids) AND kind = 'settle'
$$;
