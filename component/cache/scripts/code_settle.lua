-- Ends a claim.
--
-- KEYS: the slot, the budget, the phone ('' where there is none). ARGV: the claim's id, 'spent', 'entered', 'released'
-- or 'verified', how long the last stays so (ms), how long the phone is kept (ms). Answers 1, or 0 when the claim is not
-- this one's any more, or the code is void. A code that was entered does not count against the budget. 'spent': what the
-- code was for is done, and all other codes of the phone are void from now on.

local slot = redis.call('HMGET', KEYS[1], 'claim', 'hash', 'network', 'generation')
local network, standing = slot[3], {}
if KEYS[3] ~= '' then
    standing = redis.call('HMGET', KEYS[3], 'claim', 'generation')
    if standing[1] == ARGV[1] then
        redis.call('HDEL', KEYS[3], 'claim', 'until')
    end
    if ARGV[2] == 'spent' then -- also when the claim ran out: it is done all the same
        redis.call('HINCRBY', KEYS[3], 'generation', 1)
        redis.call('PEXPIRE', KEYS[3], ARGV[4])
    end
end

if slot[1] ~= ARGV[1] then
    return 0
end
if ARGV[2] ~= 'released' and slot[2] ~= '' and network and redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('HINCRBY', KEYS[2], 'open', -1)
    redis.call('HINCRBY', KEYS[2], 'e ' .. network, 1)
end
if ARGV[2] == 'spent' or ARGV[2] == 'entered' then
    redis.call('DEL', KEYS[1])
    return 1
end
redis.call('HDEL', KEYS[1], 'claim', 'until')
if ARGV[2] == 'verified' then
    if (standing[2] or '0') ~= (slot[4] or '0') then
        redis.call('DEL', KEYS[1])
        return 0
    end
    redis.call('HSET', KEYS[1], 'hash', '')
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
