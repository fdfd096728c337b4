-- Places of an area that are kept for open offers, without those of one offer (NULL: all count).
CREATE OR REPLACE FUNCTION offered_places(p_event_id uuid, p_area_no integer, p_but uuid) RETURNS integer
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(split_part(part, ':', 2)::integer), 0)::integer
  FROM offers f, unnest(string_to_array(f.areas, ',')) part
  WHERE f.event_id = p_event_id AND f.status = 'open' AND f.areas <> '' AND f.offer_id IS DISTINCT FROM p_but
    AND split_part(part, ':', 1)::integer = p_area_no
$$;
