-- Renews a lease, or gives it up, for its owner. KEYS[1]: its key; ARGV: its owner's value, for how many ms
-- ('0': give it up). Reply: {1}; {0}: another process has it, or none.
if redis.call('GET', base) ~= ARGV[1] then return { 0 } end
if ARGV[2] == '0' then redis.call('DEL', base) else redis.call('PEXPIRE', base, ARGV[2]) end
return { 1 }
