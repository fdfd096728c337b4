-- migrate:up

-- How often its links were ended: a link carries the number of its time, and earlier ones open nothing.
ALTER TABLE bookings ADD COLUMN link_generation smallint NOT NULL DEFAULT 0;
ALTER TABLE waitlist_entries ADD COLUMN link_generation smallint NOT NULL DEFAULT 0;

-- Finds what an address has tickets for. Only what was paid, so that a checkout writes no row of it.
CREATE INDEX bookings_email_idx ON bookings (lower(email), booking_id) WHERE status = 'confirmed';

-- Who has the hold of a used offer, where somebody else than its person accepted it by a mailed link.
ALTER TABLE offers ADD COLUMN holder_id uuid;
ALTER TABLE offers ADD CONSTRAINT offers_holder_check CHECK (holder_id IS NULL OR status = 'used');

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN (
  'welcome', 'booking-confirmed', 'booking-cancelled', 'booking-refunded', 'booking-links', 'waitlist-joined',
  'offer-made', 'offer-expiring', 'event-changed', 'event-cancelled'));

-- migrate:down

DELETE FROM kept_mails WHERE (event_id, notification_id) IN
  (SELECT event_id, notification_id FROM notifications WHERE kind = 'booking-links');
DELETE FROM notification_attempts WHERE (event_id, notification_id) IN
  (SELECT event_id, notification_id FROM notifications WHERE kind = 'booking-links');
DELETE FROM notifications WHERE kind = 'booking-links';
ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check CHECK (kind IN (
  'welcome', 'booking-confirmed', 'booking-cancelled', 'booking-refunded', 'waitlist-joined',
  'offer-made', 'offer-expiring', 'event-changed', 'event-cancelled'));
ALTER TABLE offers DROP CONSTRAINT offers_holder_check, DROP COLUMN holder_id;
DROP INDEX bookings_email_idx;
ALTER TABLE waitlist_entries DROP COLUMN link_generation;
ALTER TABLE bookings DROP COLUMN link_generation;
