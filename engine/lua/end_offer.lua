-- Ends an offer that was not accepted; its seats go back to the waitlist.
-- ARGV: offer_id, status ('declined', 'expired', 'withdrawn'; '': it was never made, nobody is notified).
-- Reply: {'ended', 1 or 0 (it had ended before)} or {'rebuild'}.
if not is_whole() then return { 'rebuild' } end
local id, status = ARGV[1], ARGV[2]
local hold = read_hold(id)
if not hold or hold.state ~= 'offered' then return { 'ended', 0 } end
local now, freed, areas = now_ms(), {}, {}
drop_claims(id, hold, 'unoffered', now, freed, areas)
publish(now, { ['0'] = freed }, areas)
if status ~= '' then tell_of_offer(hold.owner, id, hold.entry, 'ended', status, hold.expires) end
return { 'ended', 1 }
