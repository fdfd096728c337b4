-- PostgreSQL's roles. A superuser runs this in Frontrow's database, before the first `frontrow migrate`;
-- running it again changes nothing. grants.sql has the rights of each role.
--
-- Names begin with frontrow.prefix (`SET frontrow.prefix = 'box'` makes box_owner, box_sell, …) or, if that
-- is not set, with the name of the database: roles belong to the whole server, and two installations on one
-- server do not share theirs.
--
-- The embedded server reads this in single-user mode, where a semicolon before an empty line ends a
-- statement: there is none inside one.

DO $roles$
DECLARE
  prefix text := coalesce(nullif(current_setting('frontrow.prefix', true), ''), current_database());
  owner text := prefix || '_owner';
  login text;
  change text;
BEGIN
  FOREACH login IN ARRAY ARRAY['owner', 'sell', 'house', 'worker', 'readonly'] LOOP
    login := prefix || '_' || login;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
      EXECUTE format('CREATE ROLE %I LOGIN', login);
    END IF;
  END LOOP;
  EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', prefix || '_readonly');
  -- What an earlier version made as whoever connected then belongs to the owner from now on.
  FOR change IN
    SELECT format('ALTER DATABASE %I OWNER TO %I', datname, owner) FROM pg_database
    WHERE datname = current_database() AND pg_get_userbyid(datdba) <> owner
    UNION ALL
    SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, owner) FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND pg_get_userbyid(c.relowner) <> owner
      -- Sequences of columns go with their table; extensions keep what is theirs.
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                        AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, owner) FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND pg_get_userbyid(t.typowner) <> owner
      -- A table's row is a type, too, and goes with the table.
      AND (t.typtype IN ('e', 'd')
        OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
                        AND d.deptype = 'e')
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, owner) FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND pg_get_userbyid(p.proowner) <> owner
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                        AND d.deptype = 'e')
  LOOP EXECUTE change; END LOOP;
END $roles$;

-- Large objects need no grant of an owner, so their functions are revoked: nobody can fill the disk with them.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
