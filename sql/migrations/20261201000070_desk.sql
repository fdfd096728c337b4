-- migrate:up

-- Staff find a booking of any state by its address, and every booking by its reference.
CREATE INDEX bookings_address_idx ON bookings (lower(email), booking_id);
DROP INDEX bookings_email_idx;
CREATE INDEX bookings_reference_idx ON bookings (reference);

-- How often staff had the tickets mailed again: each time is a cause of its own.
ALTER TABLE bookings ADD COLUMN mails_resent integer NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE bookings DROP COLUMN mails_resent;
DROP INDEX bookings_reference_idx;
CREATE INDEX bookings_email_idx ON bookings (lower(email), booking_id) WHERE status = 'confirmed';
DROP INDEX bookings_address_idx;
