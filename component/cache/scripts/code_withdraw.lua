-- A code that was not sent: as if it had not been asked for.
--
-- KEYS: the code's slot, the window, the budget. ARGV: the code's hash. Answers how many codes were withdrawn.

if redis.call('HGET', KEYS[1], 'hash') ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
if redis.call('EXISTS', KEYS[3]) == 1 then
    redis.call('DECR', KEYS[3])
end
return 1
