-- Puts a tombstone in the place of each token and tells all instances.
--
-- KEYS: the tokens. ARGV: how long the tombstones stand (ms), the channel, the message.
-- Answers how many instances heard it.

for _, key in ipairs(KEYS) do
    redis.call('SET', key, 'x', 'PX', ARGV[1])
end
return redis.call('PUBLISH', ARGV[2], ARGV[3])
