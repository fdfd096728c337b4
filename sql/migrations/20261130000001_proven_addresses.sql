-- migrate:up

-- Addresses whose mail somebody has opened: a link from a mail was followed and acted upon. Until then
-- an address may be anybody's, and little is sent to it.
CREATE TABLE proven_addresses (
  -- As accounts.email_key.
  email_key text PRIMARY KEY,
  proven_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE proven_addresses;
