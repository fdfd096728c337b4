-- The identity of this server. The timeline grows with each promotion; a standby has none.
CREATE OR REPLACE FUNCTION server_sign(OUT system_id text, OUT timeline integer, OUT started_at text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT (SELECT s.system_identifier::text FROM pg_control_system() s),
    CASE WHEN NOT pg_is_in_recovery() THEN
      ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer END,
    to_char(pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US');
$$;
