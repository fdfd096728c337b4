-- The rights of PostgreSQL's roles, which stand here only. `frontrow migrate` runs this as the owner, after
-- the migrations, in one transaction with the functions; running it again changes nothing.
--
-- A new table or function needs its line here: until then only the owner may use it, and a test fails.
-- Rights to a table: s select, i insert, u update, d delete; for some columns only: u(state, version).
-- SELECT … FOR UPDATE needs the right to update some column.
--
-- Only functions write sales (sell has no other right to change them). Functions marked as the owner's
-- (SECURITY DEFINER) read and write with the owner's rights, and look up names in public only, regardless
-- of their caller's search_path.

DO $grants$
DECLARE
  prefix text := regexp_replace(current_user, '_owner$', '');
  logins text[] := ARRAY['sell', 'house', 'worker', 'readonly'];
  everybody text := (SELECT string_agg(format('%I', prefix || '_' || l), ', ') FROM unnest(logins) l);
  r record;
  f record;
  i integer;
  part text[];
BEGIN
  -- Two that migrate at once would change the same rows of the catalogue.
  PERFORM pg_advisory_xact_lock(hashtextextended('frontrow grants', 0));
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %s', current_database(), everybody);
  REVOKE CREATE ON SCHEMA public FROM PUBLIC;
  REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
  REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC;
  REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM %s', everybody);
  EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM %s', everybody);
  EXECUTE format('GRANT USAGE ON SCHEMA public TO %s', everybody);

  FOR r IN SELECT * FROM (VALUES
    -- table                   sell   house                           worker                            readonly
    ('accounts',              '',    'siu', '', 's(person_id, email_key, created_at, password_at)'),
    ('areas',                 's',   'si u(capacity, blocked, version)', 's u(version)',                  's'),
    -- Whoever does something adds to it; nobody reads, changes or removes what stands there.
    ('audit',                 'i',   'i',                            'i',                              's'),
    ('booking_items',         's',   's',                            's',                              's'),
    ('bookings',              's',   's u(link_generation)', 's', 's'),
    ('buyer_claims',          's',   's',                            's',                              's'),
    ('categories',            's',   'si u(amount_minor, version)',  's u(amount_minor, version)',     's'),
    ('events',                's',   'si u(status, buyer_limit, hold_ttl_s, version, changed_at)', 's u(version)', 's'),
    ('generations',           '',    '',                             '',                               's'),
    ('house_salt',            '',    's',                            '',                               ''),
    ('idempotency_keys',      's',   '', 'sd', 's(buyer_id, key, event_id, booking_id, created_at)'),
    -- Whole mails, with the links in them.
    ('kept_mails',            '',    's',                            'siud',                           ''),
    ('mail_counts',           '',    '',                             's(day) d',                       's'),
    ('mail_template_choices', '',    'si',                           'si',                             's'),
    ('mail_templates',        '',    'si',                           'si',                             's'),
    ('mark_claims',           '',    '',                             's',                              's'),
    ('notification_attempts', '',    's',                            'siud',                           's'),
    ('notifications',         '',
     's u(status, due_at, queued_at, deferrals, reason, ended_at, leased_by, counted)',
     'siud', 's'),
    ('offer_seats',           's',   's',                            'si',                             's'),
    ('offers',                's',   's',                            'si u(warned)',                   's'),
    ('outbox',                '',    '',                             'sud',                            's'),
    -- Its token is what money is taken by.
    ('payments',              's',
     's(event_id, booking_id, provider, status, amount_minor, currency, decline_code, updated_at)', 's',
     's(event_id, booking_id, provider, status, amount_minor, currency, decline_code, updated_at)'),
    ('people',                '',    'siu',                          's',                              's'),
    ('price_changes',         's',   'si',                           'si',                             's'),
    ('pricing',               's',   'siu',                          's u(looked_at)',                 's'),
    ('pricing_controls',      '',    'siu',                          's u(mode, until, version, changed_at)', 's'),
    ('pricing_rules',         's',   'siu', 's u(status, valid_from, activated_at, retired_at, version)', 's'),
    ('pricing_velocity',      '',    's',                            'siu',                            's'),
    ('proven_addresses',      '',    'si',                           's',                              's'),
    -- The sandbox's own book: another bank's is not in this database.
    ('sandbox_charges',       'siu', '', 'siu',
     's(booking_id, status, decline_code, amount_minor, currency, refunded_minor, created_at)'),
    ('schema_functions',      's',   's',                            's',                              's'),
    ('schema_migrations',     's',   's',                            's',                              's'),
    -- Kept from sale and given back. A sold seat names its booking, which this cannot say.
    ('seats',                 's',   'si u(state, version)',         's u(version)',                   's'),
    ('sessions',              '',    'siu',                          's(expires_at) d',                ''),
    -- The code is what opens the door.
    ('tickets',               's',   '', 's', 's(event_id, ticket_id, booking_id, item_no, place_no, void)'),
    ('told_events',           's',   'siu',                          'siu',                            's'),
    ('waitlist_changes',      '',    'si',                           'si',                             's'),
    ('waitlist_entries',      's',
     's u(status, weight, promoted, version, changed_at, link_generation)',
     's u(status, version, changed_at)', 's'),
    ('waitlist_rounds',       '',    's',                            'si',                             's'),
    ('waitlist_skips',        '',    's',                            'si',                             's'),
    ('waitlist_wishes',       's',   's',                            's',                              's'),
    ('waitlists',             's',   'siu',                          'si u(closed, round_no, version)', 's')
  ) AS rights(name, sell, house, worker, readonly)
  LOOP
    CONTINUE WHEN to_regclass(format('public.%I', r.name)) IS NULL;
    FOR i IN 1 .. cardinality(logins) LOOP
      FOR part IN
        SELECT regexp_matches((ARRAY[r.sell, r.house, r.worker, r.readonly])[i], '([siud])(\([^)]*\))?', 'g')
      LOOP
        EXECUTE format('GRANT %s %s ON public.%I TO %I',
          CASE part[1] WHEN 's' THEN 'SELECT' WHEN 'i' THEN 'INSERT' WHEN 'u' THEN 'UPDATE' ELSE 'DELETE' END,
          coalesce(part[2], ''), r.name, prefix || '_' || logins[i]);
      END LOOP;
    END LOOP;
  END LOOP;

  FOR r IN SELECT * FROM (VALUES
    -- function                   who calls it                   as the owner
    ('announce_event',           ARRAY['house', 'worker'],         true),
    ('answer_keys',              ARRAY['sell', 'worker'],          true),
    ('beat_generation',          ARRAY['worker'],                  true),
    ('change_entry',             ARRAY['sell'],                    true),
    ('check_booking_transition', ARRAY[]::text[],                  false),
    ('check_pricing_rule',       ARRAY[]::text[],                  false),
    ('confirm_bookings',         ARRAY['sell', 'worker'],          true),
    ('correct_booking',          ARRAY['house'],                   true),
    ('end_bookings',             ARRAY['sell', 'worker'],          true),
    ('end_offer',                ARRAY['sell', 'worker'],          true),
    ('enqueue_booking_mails',    ARRAY[]::text[],                  false),
    ('enqueue_notifications',    ARRAY['house', 'worker'],         true),
    ('forget_settlements',       ARRAY['sell', 'worker'],          true),
    ('hand_offer_to',            ARRAY['sell'],                    true),
    ('join_waitlist',            ARRAY['sell'],                    true),
    ('leave_waitlist',           ARRAY['sell'],                    true),
    ('line_key',                 ARRAY['sell', 'house', 'worker'], false),
    ('move_claims',              ARRAY[]::text[],                  false),
    ('next_epoch',               ARRAY['sell', 'worker'],          true),
    ('note_refund',              ARRAY['sell', 'worker'],          true),
    ('offered_places',           ARRAY['worker'],                  false),
    ('raise_epoch',              ARRAY['sell', 'worker'],          true),
    ('reserve_bookings',         ARRAY['sell'],                    true),
    ('resend_tickets',           ARRAY['house'],                   true),
    ('retake_booking',           ARRAY[]::text[],                  false),
    ('return_claims',            ARRAY[]::text[],                  false),
    ('search_form',              ARRAY['house'],                   false),
    ('seat_digit',               ARRAY['sell', 'house', 'worker'], false),
    ('seats_lost',               ARRAY[]::text[],                  false),
    ('server_sign',              ARRAY['sell', 'house', 'worker'], true),
    ('settlements',              ARRAY['sell', 'worker'],          false),
    ('share_line',               ARRAY['sell', 'house', 'worker'], false),
    ('take_mail_allowances',     ARRAY['worker'],                  true),
    ('wish_of',                  ARRAY[]::text[],                  false)
  ) AS callers(name, who, as_owner)
  LOOP
    FOR f IN SELECT oid::regprocedure AS signature,
                    prosecdef AND coalesce(proconfig @> ARRAY['search_path=public, pg_temp'], false) AS is_pinned
             FROM pg_proc
             WHERE pronamespace = 'public'::regnamespace AND proname = r.name LOOP
      IF r.as_owner AND NOT f.is_pinned THEN
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', f.signature);
      END IF;
      FOR i IN 1 .. cardinality(r.who) LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', f.signature, prefix || '_' || r.who[i]);
      END LOOP;
    END LOOP;
  END LOOP;
END $grants$;
