-- Takes a claim code for a moment.
--
-- KEYS: the slot. ARGV: who takes it, for how long (ms). Answers the account that made it, or 0 when it is unknown or taken
-- by somebody else.

local slot = redis.call('HMGET', KEYS[1], 'account', 'holder', 'until')
local account, holder, held_until = slot[1], slot[2], slot[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if not account or (holder and tonumber(held_until) > now) then
    return 0
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', now + tonumber(ARGV[2])))
return tonumber(account)
