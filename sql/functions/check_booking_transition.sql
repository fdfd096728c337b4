-- Legal booking transitions, whoever writes: an illegal one is a bug and must not be stored.
CREATE OR REPLACE FUNCTION check_booking_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT (OLD.status, NEW.status) IN (
    ('pending', 'confirmed'), ('pending', 'declined'), ('pending', 'expired'),
    ('confirmed', 'cancelled'),
    ('expired', 'pending')  -- a payment that came late takes its seats again
  ) THEN
    RAISE EXCEPTION 'booking %: % cannot become %', OLD.booking_id, OLD.status, NEW.status
      USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_transition_check';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER bookings_transition_check BEFORE UPDATE OF status ON bookings
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
  EXECUTE FUNCTION check_booking_transition();
