-- Ends a claim.
--
-- KEYS: the slot, the budget. ARGV: the claim's id, 'spent', 'released' or 'verified', and for the last how long it
-- stays so (ms). Answers 1, or 0 when the claim is not this one's any more. A code that was entered does not count
-- against the budget.

local slot = redis.call('HMGET', KEYS[1], 'claim', 'hash')
if slot[1] ~= ARGV[1] then
    return 0
end
if ARGV[2] ~= 'released' and slot[2] ~= '' and redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('DECR', KEYS[2])
end
if ARGV[2] == 'spent' then
    redis.call('DEL', KEYS[1])
else
    redis.call('HDEL', KEYS[1], 'claim', 'until')
    if ARGV[2] == 'verified' then
        redis.call('HSET', KEYS[1], 'hash', '')
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
    end
end
return 1
