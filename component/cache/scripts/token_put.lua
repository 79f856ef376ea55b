-- Keeps what is known of a token, unless a tombstone stands there, or an entry of this run of Redis that is of the same
-- or a later epoch.
--
-- KEYS[1]: the token. ARGV: run, epoch, account, the token's end (ms since 1970), how long to keep it at most (ms).
-- Answers 1 when it is kept now.

local run, epoch, account, ends, lifetime = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local standing = redis.call('GET', KEYS[1])
if standing then
    local standing_run, standing_epoch = string.match(standing, '^(%S+) (%d+) ')
    local is_tombstone = not standing_run
    if is_tombstone or standing_run == run and tonumber(standing_epoch) >= tonumber(epoch) then
        return 0
    end
end

local time = redis.call('TIME')
local left = tonumber(ends) - (time[1] * 1000 + math.floor(time[2] / 1000))
local keep = math.min(left, tonumber(lifetime))
if keep < 1 then
    return 0
end
local entry = table.concat({run, epoch, account, ends}, ' ')
redis.call('SET', KEYS[1], entry, 'PX', string.format('%.0f', keep))
return 1
