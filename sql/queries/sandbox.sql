-- name: charge
-- One charge per booking, however often it is requested.
WITH made AS (
  INSERT INTO sandbox_charges (booking_id, token, status, decline_code, amount_minor, currency)
  SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
  ON CONFLICT DO NOTHING RETURNING booking_id, status, decline_code
)
SELECT booking_id::text, status, decline_code FROM made
UNION ALL
SELECT booking_id::text, status, decline_code FROM sandbox_charges
WHERE booking_id = ANY($1::uuid[]) AND booking_id NOT IN (SELECT booking_id FROM made);

-- name: status
SELECT status, decline_code FROM sandbox_charges WHERE booking_id = $1;

-- name: complete
UPDATE sandbox_charges SET status = $2, decline_code = $3
WHERE booking_id = $1 AND status = 'requires_action' RETURNING status;

-- name: void
-- Prevents charges under this id; money captured before stays captured.
INSERT INTO sandbox_charges (booking_id, token, status, amount_minor, currency) VALUES ($1, '', 'voided', 0, '')
ON CONFLICT (booking_id) DO UPDATE SET status = CASE WHEN sandbox_charges.status = 'requires_action'
  THEN 'voided' ELSE sandbox_charges.status END
RETURNING status, decline_code;

-- name: refund
UPDATE sandbox_charges SET refunded_minor = amount_minor WHERE booking_id = $1 AND status = 'captured'
RETURNING booking_id;
