-- Loads offers as PostgreSQL knows them: those of a round just committed, and those that Redis has lost.
-- Their people are notified once, in this step. ARGV: 10 values per offer: offer_id, person, seats, areas,
-- quantity, prices, created, expires, state ('offered'; 'held': accepted), entry_id.
-- Reply: {'laid', how many were new or changed} or {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local now, shown, areas, laid = now_ms(), {}, {}, 0
for at = 1, #ARGV, 10 do
  local id, owner, expires, state, entry = ARGV[at], ARGV[at + 1], ARGV[at + 7], ARGV[at + 8], ARGV[at + 9]
  local hold = read_hold(id)
  if not hold then
    for _, n in ipairs(claim_offer(unpack(ARGV, at, at + 9))) do shown[#shown + 1] = n end
    for no in string.gmatch(ARGV[at + 3], '(%d+):') do areas[no] = true end
    laid = laid + 1
  elseif hold.state == 'offered' and state == 'offered' and hold.expires ~= expires then
    redis.call('HSET', hold_key(id), 'expires', expires, 'created', ARGV[at + 6])
    redis.call('ZADD', DUE, expires, id)
    laid = laid + 1
  end
  if redis.call('ZREM', LINE, entry) == 1 then redis.call('HINCRBY', META, 'in_line', -1) end
  if state == 'offered' and redis.call('HSETNX', hold_key(id), 'told', '1') == 1 then
    tell_of_offer(owner, id, entry, 'made', 'open', expires)
  end
end
publish(now, { ['1'] = shown }, areas)
return { 'laid', laid }
