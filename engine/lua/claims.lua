-- An event's whole state in Redis at one instant, for the auditor. ARGV: nothing, or the ranks by deadline of
-- the first and the last hold to read.
-- Reply: {'claims', now, payment grace, seats, versions, {seat, hold id, …}, area count, {area field, value, …},
-- {buyer field, value, …}, {{id, due, owner, state, seats, areas, quantity, created, expires, network, payer}, …} (a hold
-- that is due but does not exist has '' for all but its id and due), waiting ('1': returned seats are kept for
-- the waitlist), the number of its entries, until when somebody may be about to join, {network field, value,
-- …}}, or {'rebuild'}.
local area_count = redis.call('HGET', META, 'area_count')
if not area_count then return { 'rebuild' } end
local holds = {}
local due = redis.call('ZRANGE', DUE, ARGV[1] or 0, ARGV[2] or -1, 'WITHSCORES')
for i = 1, #due, 2 do
  local hold = read_hold(due[i]) or {}
  holds[#holds + 1] = { due[i], due[i + 1], hold.owner or '', hold.state or '', hold.seats or '', hold.areas or '',
    hold.quantity or '', hold.created or '', hold.expires or '', hold.network or '', hold.payer or '' }
end
return { 'claims', now_ms(), PAYMENT_GRACE_MS, redis.call('GET', SEATS) or '', redis.call('GET', VERSIONS) or '',
  redis.call('HGETALL', OWNERS), area_count, redis.call('HGETALL', AREAS), redis.call('HGETALL', BUYERS), holds,
  redis.call('HGET', META, 'waiting') or '0', redis.call('ZCARD', LINE), redis.call('HGET', META, 'soon') or '0',
  redis.call('HGETALL', NETWORKS) }
