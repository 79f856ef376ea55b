-- Counts an event for all limits, or for none of them when one is reached.
--
-- KEYS[i]: a limit's counter. ARGV[3i-2], ARGV[3i-1], ARGV[3i]: how many events may happen in how many milliseconds, and
-- as how many this one counts.
-- Answers 0 when the event was counted, else the milliseconds after which it would have been.
--
-- A counter is "bucket current previous": the number of a period since 1970 and the events in it and in the one before.
-- The events in the sliding period that ends now are taken to be `current` and that share of `previous` that the
-- sliding period still covers. Each counter expires when it cannot matter any more.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The counter's state in the period that runs now, and how many milliseconds of that have passed.
local function read(key, period)
    local bucket, elapsed = math.floor(now / period), now % period
    local b, c, p = string.match(redis.call('GET', key) or '', '^(%d+) (%d+) (%d+)$')
    b, c, p = tonumber(b), tonumber(c), tonumber(p)
    if b == bucket + 1 then -- the clock was set back a little
        return b, c, p, 0
    elseif b == bucket then
        return bucket, c, p, elapsed
    elseif b == bucket - 1 then
        return bucket, 0, c, elapsed
    end
    return bucket, 0, 0, elapsed
end

-- Milliseconds until `cost` more events are within the limit; 0: now.
local function wait_for(most, period, cost, current, previous, elapsed)
    if most < cost then
        return period
    end
    local free = most - current - cost -- what is left for the previous period's share
    if free < 0 then -- not before the next period, in which `current` will be the previous one
        return period - elapsed + math.ceil(period - (most - cost) * period / current)
    elseif previous * (period - elapsed) <= free * period then
        return 0
    end
    return math.max(1, math.ceil(period - free * period / previous) - elapsed)
end

local longest, counted = 0, {}
for i, key in ipairs(KEYS) do
    local most, period, cost = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local bucket, current, previous, elapsed = read(key, period)
    longest = math.max(longest, wait_for(most, period, cost, current, previous, elapsed))
    counted[i] = {string.format('%.0f %.0f %.0f', bucket, current + cost, previous), 2 * period - elapsed}
end
if longest == 0 then
    for i, key in ipairs(KEYS) do
        redis.call('SET', key, counted[i][1], 'PX', counted[i][2])
    end
end
return longest
