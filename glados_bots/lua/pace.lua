-- Grant one request in a bucket, or say how long to wait. GCRA with a reserve, least recently served stream first.
-- KEYS[1] prefix; ARGV: bucket, limit, period ms, reserve, stream, final (0 | 1). Returns 0 for a grant, else ms to wait.
local key, limit, period = KEYS[1] .. 'pace:' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local reserve, stream, final = tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local step = period / limit

local closed = redis.call('PTTL', key .. ':closed')
if closed > 0 then return closed end

-- Waiting streams stand in a line ordered by when they were served last; one that stopped asking leaves it.
local line, seen = key .. ':line', key .. ':seen'
redis.call('ZREMRANGEBYSCORE', seen, '-inf', now - 3000)
local first = redis.call('ZRANGE', line, 0, 0)[1]
while first and not redis.call('ZSCORE', seen, first) do
  redis.call('ZREM', line, first)
  first = redis.call('ZRANGE', line, 0, 0)[1]
end

local tat = tonumber(redis.call('GET', key) or now)
if tat < now then tat = now end
local nap = math.ceil(tat + step - (limit - reserve) * step - now)
if nap <= 0 and (final or not first or first == stream) then
  redis.call('SET', key, tat + step, 'PX', math.ceil(tat + step - now) + period)
  redis.call('ZREM', line, stream)
  redis.call('ZREM', seen, stream)
  redis.call('HSET', key .. ':served', stream, now)
  redis.call('PEXPIRE', key .. ':served', period * 20)
  return 0
end
redis.call('ZADD', seen, now, stream)
redis.call('ZADD', line, 'NX', redis.call('HGET', key .. ':served', stream) or 0, stream)
redis.call('PEXPIRE', line, 10000)
redis.call('PEXPIRE', seen, 10000)
return math.max(nap, 20)
