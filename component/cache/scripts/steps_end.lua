-- Ends a registration, unless another has begun in its place.
--
-- KEYS: the registration. ARGV: the cookie's MAC as it was read. Answers how many ended.

if redis.call('HGET', KEYS[1], 'cookie') ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
