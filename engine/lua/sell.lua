-- Puts kept places on sale that fit no wish in the waitlist. ARGV: waiting ('0': the waitlist is empty, so all
-- kept places are), seats "17,18", areas "no:places,…", the reader's id (as in pool.lua).
-- Reply: {'sold', seats}, {'late'} (another round has read since, and decides about the kept places) or
-- {'rebuild'}.
local meta = redis.call('HMGET', META, 'area_count', 'looked')
local area_count = meta[1]
if not is_whole() then return { 'rebuild' } end
if meta[2] ~= ARGV[4] then return { 'late' } end
local freed, areas = {}, {}
local function sell(n)
  if redis.call('HEXISTS', OWNERS, n) == 0 then
    redis.call('SETRANGE', SEATS, n, '0')
    freed[#freed + 1] = n
  end
end
if ARGV[1] == '0' then
  redis.call('HSET', META, 'waiting', '0', 'in_line', 0)
  redis.call('DEL', LINE)
  local seats, at = redis.call('GET', SEATS) or '', 1
  while true do
    local found = string.find(seats, '4', at, true)
    if not found then break end
    sell(string.format('%d', found - 1))
    at = found + 1
  end
  for no = 0, area_count - 1 do
    if tonumber(redis.call('HGET', AREAS, no .. ':kept') or 0) > 0 then
      redis.call('HSET', AREAS, no .. ':kept', 0)
      areas[tostring(no)] = true
    end
  end
else
  for n in string.gmatch(ARGV[2], '%d+') do
    if redis.call('GETRANGE', SEATS, n, n) == '4' then sell(n) end
  end
  for no, places in string.gmatch(ARGV[3], '(%d+):(%d+)') do
    local kept = tonumber(redis.call('HGET', AREAS, no .. ':kept') or 0)
    if kept > 0 then
      keep_places(no, -math.min(kept, places))
      areas[no] = true
    end
  end
end
publish(now_ms(), { ['0'] = freed }, areas)
return { 'sold', #freed }
