-- KEYS: a phone's callers. ARGV: callers, '' for none. Answers 1 when one of them is known, else 0.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for _, who in ipairs(ARGV) do
    local ends = who ~= '' and redis.call('ZSCORE', KEYS[1], who)
    if ends and tonumber(ends) > now then
        return 1
    end
end
return 0
