-- Grant one request in a bucket and the wider ones around it, or say how long to wait.
-- No window of one period ever holds more than `limit` grants, wherever it begins: so no platform's window overflows.
-- Ordinary requests are spread evenly and leave room for final ones; among them, who was served longest ago goes first.
-- KEYS[1] prefix; ARGV: stream, final (0 | 1), then bucket, limit, period ms of each bucket, the narrowest first.
-- Returns 0 for a grant, else ms to wait.
local p, stream, final = KEYS[1], ARGV[1], ARGV[2] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local WAY = 50 -- ms by which two requests may come nearer to each other on their way
local SILENT = 3000 -- ms after which a stream that stopped asking loses its place

local function bucket(i)
  local limit, period = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]) + WAY
  return {key = p .. 'pace:' .. ARGV[i], limit = limit, period = period}
end

local function leave(b)
  redis.call('ZREM', b.key .. ':line', stream)
  redis.call('ZREM', b.key .. ':asked', stream)
end

-- Stand in line; returns how many stand before us, and how many there are.
local function stand(b)
  local line, asked = b.key .. ':line', b.key .. ':asked'
  for _, silent in ipairs(redis.call('ZRANGEBYSCORE', asked, '-inf', now - SILENT)) do
    redis.call('ZREM', line, silent)
    redis.call('ZREM', asked, silent)
  end
  redis.call('ZADD', asked, now, stream)
  redis.call('ZADD', line, 'NX', redis.call('HGET', b.key .. ':served', stream) or 0, stream)
  redis.call('PEXPIRE', line, 10000)
  redis.call('PEXPIRE', asked, 10000)
  return redis.call('ZRANK', line, stream), redis.call('ZCARD', line)
end

local function wait(b)
  local closed = redis.call('PTTL', b.key .. ':closed')
  if closed > 0 then return closed end
  redis.call('ZREMRANGEBYSCORE', b.key .. ':grants', '-inf', now - b.period)
  local count, most, before, pause = redis.call('ZCARD', b.key .. ':grants'), b.limit, 0, 0
  if not final then
    local crowd
    before, crowd = stand(b)
    if b.limit > 1 then most = b.limit - (crowd > 1 and math.ceil(b.limit * 0.4) or 1) end
    local spread = b.period / most
    pause = tonumber(redis.call('GET', b.key .. ':last') or 0) + spread - now
    if before > 0 then pause = math.max(pause, 0) + before * spread end
  end
  if count >= most then
    local frees = redis.call('ZRANGE', b.key .. ':grants', count - most, count - most, 'WITHSCORES')[2]
    pause = math.max(pause, tonumber(frees) + b.period - now)
  end
  return math.ceil(pause)
end

local function grant(b)
  redis.call('ZADD', b.key .. ':grants', now, time[1] .. '.' .. time[2])
  redis.call('PEXPIRE', b.key .. ':grants', b.period)
  if not final then redis.call('SET', b.key .. ':last', now, 'PX', b.period) end
  redis.call('HSET', b.key .. ':served', stream, now)
  redis.call('PEXPIRE', b.key .. ':served', b.period * 20)
  leave(b)
end

local buckets = {}
for i = 3, #ARGV, 3 do buckets[#buckets + 1] = bucket(i) end
for i, b in ipairs(buckets) do
  local pause = wait(b)
  if pause > 0 then
    for j = i + 1, #buckets do leave(buckets[j]) end -- who waits here holds nobody up further out
    return pause
  end
end
for _, b in ipairs(buckets) do grant(b) end
return 0
