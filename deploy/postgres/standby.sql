-- The role of a standby: it may copy everything, and query nothing.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontrow_standby') THEN
    CREATE ROLE frontrow_standby LOGIN REPLICATION;
  END IF;
END $$;
