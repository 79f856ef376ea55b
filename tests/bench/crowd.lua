-- What is left in Redis of numbers that were asked a code for a moment ago, as production keeps it: the code, the resend
-- window, and the phone's counters for a minute, an hour and a day. The keys have the daemon's shapes, the MACs in them
-- are those of nobody.
--
-- ARGV: the first number, how many, the day as it is written in the budget's name. Answers how many keys there are now.

local first, count, day = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local periods = {60000, 3600000, 24 * 3600000}
local budget, network = 'registrar:u:86:' .. day, '127.0.0.0/24'

for number = first, first + count - 1 do
    local mac = string.sub(redis.sha1hex(number), 1, 32)
    local slot = 'registrar:c:' .. mac
    redis.call('HSET', slot, 'hash', mac, 'tries', 5, 'others', 2, 'source', '', 'note', '', 'budget', budget, 'network',
        network, 'phone', 'registrar:g:' .. mac, 'generation', 0)
    redis.call('PEXPIRE', slot, 300000)
    redis.call('SET', 'registrar:w:' .. mac, '1', 'PX', 60000)
    for _, period in ipairs(periods) do
        local counter = string.format('%.0f 1 0', math.floor(now / period))
        redis.call('SET', string.format('registrar:l:code.phone:%.0f:%s', period, mac), counter, 'PX', 2 * period)
    end
end
redis.call('HINCRBY', budget, 'open', count)
redis.call('HINCRBY', budget, 's ' .. network, count)
return redis.call('DBSIZE')
