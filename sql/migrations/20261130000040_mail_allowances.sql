-- migrate:up

-- How many mails a mailbox was sent in a day (UTC), until somebody proves that it is theirs and beyond.
-- Bookings' mails are counted apart: nobody uses them up by other mails.
CREATE TABLE mail_counts (
  mailbox    text NOT NULL,  -- engine.notifications.allowance.mailbox
  day        date NOT NULL,
  is_booking boolean NOT NULL,
  event_id   uuid NOT NULL,
  kind       text NOT NULL,
  mails      integer NOT NULL,
  PRIMARY KEY (mailbox, day, is_booking, event_id, kind)
);
CREATE INDEX mail_counts_day_idx ON mail_counts (day);

-- counted: it has its place in mail_counts, and may be tried again without another one. held_for: the
-- email_key of an address that has had enough for a day; it waits for the address to be proven, or for the
-- next day. Empty: the address is proven already, so it waits for the next day only.
ALTER TABLE notifications ADD COLUMN counted boolean NOT NULL DEFAULT false, ADD COLUMN held_for text;
CREATE INDEX notifications_held_idx ON notifications (held_for) WHERE held_for IS NOT NULL;

-- What somebody waits for with a deadline goes first; the expression is that of the query "claim".
CREATE INDEX notifications_turn_idx ON notifications
  ((CASE WHEN kind IN ('booking-confirmed', 'booking-cancelled', 'booking-refunded', 'offer-made', 'offer-expiring')
    THEN 0 ELSE 1 END), due_at) WHERE status = 'queued';
CREATE INDEX notifications_sending_idx ON notifications (due_at) WHERE status = 'sending';
DROP INDEX notifications_due_idx;

-- migrate:down

CREATE INDEX notifications_due_idx ON notifications (due_at) WHERE status IN ('queued', 'sending');
DROP INDEX notifications_held_idx, notifications_turn_idx, notifications_sending_idx;
ALTER TABLE notifications DROP COLUMN counted, DROP COLUMN held_for;
DROP TABLE mail_counts;
