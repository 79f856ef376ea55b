-- Checks a code, and claims it for a moment.
--
-- KEYS: the slot. ARGV: the code's hash ('' for one that was verified before), the claim's id ('' only to look), how
-- long it holds (ms). Answers the note and the name of the budget, or nothing when the code is wrong, unknown or claimed
-- by somebody else. A wrong code costs a try, the last of which takes the code away.

local slot = redis.call('HMGET', KEYS[1], 'hash', 'note', 'budget', 'claim', 'until')
local hash, note, budget, claim, claimed_until = slot[1], slot[2], slot[3], slot[4], slot[5]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if not hash then
    return {}
end
if hash ~= ARGV[1] then
    if hash ~= '' and ARGV[1] ~= '' and redis.call('HINCRBY', KEYS[1], 'tries', -1) < 1 then
        redis.call('DEL', KEYS[1])
    end
    return {}
end
if claim and tonumber(claimed_until) > now then
    return {}
end
if ARGV[2] ~= '' then
    redis.call('HSET', KEYS[1], 'claim', ARGV[2], 'until', string.format('%.0f', now + tonumber(ARGV[3])))
end
return {note, budget}
