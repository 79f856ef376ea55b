-- Keeps what is known of a token, unless a tombstone or an entry of the same or a later epoch stands there.
--
-- KEYS[1]: the token. ARGV: epoch, account, the token's end (ms since 1970), how long to keep it at most (ms).
-- Answers 1 when it is kept now.

local epoch, ends, lifetime = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4])

local standing = redis.call('GET', KEYS[1])
if standing then
    local standing_epoch = tonumber(string.match(standing, '^(%d+) ')) -- nil: a tombstone
    if not standing_epoch or standing_epoch >= epoch then
        return 0
    end
end

local time = redis.call('TIME')
local left = ends - (time[1] * 1000 + math.floor(time[2] / 1000))
local keep = math.min(left, lifetime)
if keep < 1 then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', string.format('%.0f', keep))
return 1
