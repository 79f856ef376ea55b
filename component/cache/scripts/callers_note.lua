-- Notes who opened an account: each with the time until which it is known.
--
-- KEYS: the phone's callers. ARGV: 1 when all others are forgotten, how long they are known (ms), how many are kept, and
-- the callers, '' for none. Answers how many there are.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if ARGV[1] == '1' then
    redis.call('DEL', KEYS[1])
end
for i = 4, #ARGV do
    if ARGV[i] ~= '' then
        redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[i])
    end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[3]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
