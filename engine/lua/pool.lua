-- The seats and places for the waitlist: kept ones, and those on sale. ARGV: the reader's id ('': a reader that
-- will put nothing on sale; of the others only the last reader may).
-- Reply: {'pool', mark, status, prices, waiting, seats, offered seats "…", areas "no:left:kept,…"} (left:
-- on sale or kept) or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'status', 'prices', 'area_count', 'seat_count')
if not (meta[2] and meta[3] and is_whole() and read_seats(meta[5])) then return { 'rebuild' } end
if (ARGV[1] or '') ~= '' then redis.call('HSET', META, 'looked', ARGV[1]) end
local freed, freed_areas = {}, {}
local now = now_ms()
free_due(now, 100, freed, freed_areas)
publish(now, { ['0'] = freed }, freed_areas)
local seats, offered, at = read_seats(meta[5]), {}, 1
while true do
  local found = string.find(seats, '4', at, true)
  if not found then break end
  if redis.call('HEXISTS', OWNERS, found - 1) == 1 then offered[#offered + 1] = found - 1 end
  at = found + 1
end
local areas = {}
for no = 0, tonumber(meta[4]) - 1 do
  local _, left = area_available(no)
  local kept = tonumber(redis.call('HGET', AREAS, no .. ':kept') or 0)
  -- More places may be kept than exist, when more were sold than held.
  if kept > left then
    kept = left
    redis.call('HSET', AREAS, no .. ':kept', kept)
  end
  areas[#areas + 1] = no .. ':' .. left .. ':' .. kept
end
return { 'pool', meta[1] .. ':' .. (redis.call('HGET', META, 'stirred') or '0'), meta[2], meta[3],
  redis.call('ZCARD', LINE), seats, table.concat(offered, ','), table.concat(areas, ',') }
