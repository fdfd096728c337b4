-- migrate:up

-- Two buyers may be one: the limit of places per buyer holds for a mailbox and for a card, too, however
-- many tokens somebody has. A mark is the first 16 bytes of a hash (engine.sales.marks).
CREATE TABLE mark_claims (
  event_id uuid NOT NULL,
  mark     uuid NOT NULL,
  -- Reserved and sold.
  places   integer NOT NULL CHECK (places >= 0),
  PRIMARY KEY (event_id, mark)
) WITH (fillfactor = 70);

ALTER TABLE bookings ADD email_mark uuid, ADD card_mark uuid;

-- What was bought before counts too, as far as SQL can say what is one mailbox.
UPDATE bookings b SET email_mark = encode(substr(sha256(
    convert_to('email', 'UTF8') || '\x00'::bytea || convert_to(
      CASE WHEN m.domain IN ('gmail.com', 'googlemail.com') THEN replace(m.box, '.', '') || '@gmail.com'
           ELSE m.box || '@' || m.domain END, 'UTF8')), 1, 16), 'hex')::uuid
FROM (
  SELECT event_id, booking_id, split_part(split_part(address, '@', 1), '+', 1) AS box,
         split_part(address, '@', 2) AS domain
  FROM (SELECT event_id, booking_id, lower(normalize(email, NFKC)) AS address FROM bookings WHERE live) a
) m
WHERE b.event_id = m.event_id AND b.booking_id = m.booking_id;

INSERT INTO mark_claims (event_id, mark, places)
SELECT b.event_id, b.email_mark, sum(i.quantity)
FROM bookings b JOIN booking_items i USING (event_id, booking_id)
WHERE b.live AND b.email_mark IS NOT NULL GROUP BY 1, 2;

-- migrate:down

ALTER TABLE bookings DROP email_mark, DROP card_mark;
DROP TABLE mark_claims;
