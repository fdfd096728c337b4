-- Claims the seats of one round's offers: of all, or of none.
-- ARGV: prices (by which they were matched), lay_ms (when the claims are due, unless PostgreSQL confirms
-- them), then 6 values per offer: offer_id, person, seats, areas, quantity, entry_id.
-- Reply: {'claimed'}, {'repriced'}, {'closed', status}, {'taken'} (a place is no longer free),
-- {'limit', offer ids "…"} (their people are at their limit) or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'status', 'prices', 'buyer_limit')
if not is_whole() then return { 'rebuild' } end
if meta[2] ~= 'on_sale' then return { 'closed', meta[2] } end
if meta[3] ~= ARGV[1] then return { 'repriced' } end
local limited, wanted = {}, {}
for at = 3, #ARGV, 6 do
  local mine = redis.call('HMGET', BUYERS, 'h:' .. ARGV[at + 1], 'o:' .. ARGV[at + 1])
  local owned = tonumber(mine[1] or 0) + tonumber(mine[2] and string.match(mine[2], '^%d+') or 0)
  if owned + ARGV[at + 4] > tonumber(meta[4]) then limited[#limited + 1] = ARGV[at] end
  for n in string.gmatch(ARGV[at + 2], '%d+') do
    local digit = redis.call('GETRANGE', SEATS, n, n)
    local there = digit == '0' or digit == '4' and redis.call('HEXISTS', OWNERS, n) == 0
    if not there then return { 'taken' } end
  end
  for no, places in string.gmatch(ARGV[at + 3], '(%d+):(%d+)') do
    wanted[no] = (wanted[no] or 0) + places
  end
end
local areas = {}
for no, places in pairs(wanted) do
  local _, left = area_available(no)
  if left < places then return { 'taken' } end
  areas[no] = true
end
if #limited > 0 then return { 'limit', table.concat(limited, ',') } end
local now, shown = now_ms(), {}
for at = 3, #ARGV, 6 do
  local seats = claim_offer(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], meta[3],
    now, now + ARGV[2], 'offered', ARGV[at + 5])
  for _, n in ipairs(seats) do shown[#shown + 1] = n end
end
publish(now, { ['1'] = shown }, areas)
return { 'claimed' }
