-- A code that was not sent: as if it had not been asked for.
--
-- KEYS: the code's slot, the window, the budget. ARGV: the code's hash. Answers how many codes were withdrawn.

local slot = redis.call('HMGET', KEYS[1], 'hash', 'network')
if slot[1] ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
if slot[2] and redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('HINCRBY', KEYS[3], 'open', -1)
    redis.call('HINCRBY', KEYS[3], 's ' .. slot[2], -1)
end
return 1
