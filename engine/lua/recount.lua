-- Recounts the claims of live holds, and corrects seats, areas and buyers that disagree, as after a
-- half-restored Redis or a bug. Reply: {'recounted', corrected, open offers "…"} or {'rebuild'}.
local meta = redis.call('HMGET', META, 'epoch', 'area_count', 'waiting')
local waits = meta[3] == '1'
if not is_whole() then return { 'rebuild' } end
local now, corrected = now_ms(), 0
local held_areas, held_buyers, areas, freed = {}, {}, {}, {}
local networks = {}
local live, offered, listed = {}, {}, {}
for _, id in ipairs(redis.call('ZRANGE', DUE, 0, -1)) do
  local hold = read_hold(id)
  if has_claims(hold) then
    live[id] = true
    if hold.state == 'offered' then offered[#offered + 1] = id end
    for no, places in string.gmatch(hold.areas, '(%d+):(%d+)') do
      held_areas[no] = (held_areas[no] or 0) + places
    end
    held_buyers['h:' .. hold.owner] = (held_buyers['h:' .. hold.owner] or 0) + hold.quantity
    listed['l:' .. hold.owner] = (listed['l:' .. hold.owner] or '') .. ' ' .. id
    local function add(network, kind, places)
      if network ~= '' then networks[kind .. network] = (networks[kind .. network] or 0) + places end
    end
    if hold.state == 'held' then add(hold.network, 'h:', hold.quantity) end
    if hold.state == 'paying' then
      add(hold.network, 'p:', hold.quantity)
      add(hold.payer, 'b:', 1)
    end
  else
    redis.call('ZREM', DUE, id)
    corrected = corrected + 1
  end
end
for no = 0, tonumber(meta[2]) - 1 do
  local want = held_areas[tostring(no)] or 0
  local f = redis.call('HMGET', AREAS, no .. ':held', no .. ':kept')
  if tonumber(f[1]) ~= want then
    redis.call('HSET', AREAS, no .. ':held', want)
    local back = (f[1] or 0) - want
    if waits and back > 0 then
      keep_places(no, back)
      stir()
    end
    areas[tostring(no)] = true
    corrected = corrected + 1
  end
  if not waits and tonumber(f[2] or 0) ~= 0 then
    redis.call('HSET', AREAS, no .. ':kept', 0)
    areas[tostring(no)] = true
    corrected = corrected + 1
  end
end
local buyers = redis.call('HGETALL', BUYERS)
for i = 1, #buyers, 2 do
  if string.sub(buyers[i], 1, 2) == 'h:' and tonumber(buyers[i + 1]) ~= (held_buyers[buyers[i]] or 0) then
    redis.call('HDEL', BUYERS, buyers[i])
    corrected = corrected + 1
  elseif string.sub(buyers[i], 1, 2) == 'l:' and not listed[buyers[i]] then
    redis.call('HDEL', BUYERS, buyers[i])
  end
end
for field, ids in pairs(listed) do redis.call('HSET', BUYERS, field, ids) end
for field, want in pairs(held_buyers) do redis.call('HSET', BUYERS, field, want) end
local known = redis.call('HGETALL', NETWORKS)
for i = 1, #known, 2 do
  if tonumber(known[i + 1]) == networks[known[i]] then
    networks[known[i]] = nil
  else
    redis.call('HDEL', NETWORKS, known[i])
    corrected = corrected + 1
  end
end
for field, want in pairs(networks) do redis.call('HSET', NETWORKS, field, want) end
local owners = redis.call('HGETALL', OWNERS)
local owned = {}
for i = 1, #owners, 2 do
  if live[owners[i + 1]] then
    owned[owners[i]] = true
  else
    redis.call('HDEL', OWNERS, owners[i])
    corrected = corrected + 1
  end
end
-- A claimed digit without a live hold becomes free, or kept for the waitlist; seats that are sold, blocked or
-- reserved in PostgreSQL are corrected by the comparison that follows.
local seats, at = redis.call('GET', SEATS) or '', 1
while true do
  local found = string.find(seats, waits and '[15]' or '[145]', at)
  if not found then break end
  local n = string.format('%d', found - 1)
  if not owned[n] then
    redis.call('SETRANGE', SEATS, n, waits and '4' or '0')
    if waits then stir() else freed[#freed + 1] = n end
    corrected = corrected + 1
  end
  at = found + 1
end
publish(now, { ['0'] = freed }, areas)
return { 'recounted', corrected, table.concat(offered, ',') }
