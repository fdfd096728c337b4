-- The buyer gives a hold back. ARGV: hold_id, owner.
-- Reply: {'released'} (also when it was released before), {'foreign'}, {'gone', state}, {'unknown'}, {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local hold = read_hold(ARGV[1])
if not hold then return { 'unknown' } end
if hold.owner ~= ARGV[2] then return { 'foreign' } end
if hold.state == 'released' then return { 'released' } end
if hold.state ~= 'held' then return { 'gone', hold.state } end
local now, freed, areas = now_ms(), {}, {}
end_hold(ARGV[1], hold, 'released', now, freed, areas)
publish(now, { ['0'] = freed }, areas)
return { 'released' }
