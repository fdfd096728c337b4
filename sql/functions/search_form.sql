-- Text in the form in which staff's searches compare it: without case, accents, and the differences between
-- kinds of apostrophes, hyphens and blanks.
CREATE OR REPLACE FUNCTION search_form(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT translate(
  regexp_replace(
    normalize(casefold(normalize(p_text, NFKC) COLLATE "pg_unicode_fast"), NFKD),
    '[\u0300-\u036f\u200b-\u200f\u2060\ufeff]', '', 'g'),
  '’‘ʼʻ`´′‐‑‒–—−øłđı', '''''''''''''''------oldi')
$$;
