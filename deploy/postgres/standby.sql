-- Who a standby is: it may copy everything, and ask nothing.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'frontrow_standby') THEN
    CREATE ROLE frontrow_standby LOGIN REPLICATION;
  END IF;
END $$;
