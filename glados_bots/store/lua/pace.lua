-- Grant one request in a bucket and in the wider buckets around it, or return how long to wait.
-- No window of one period holds more than `limit` grants, wherever it begins, so no platform's window overflows.
-- Ordinary requests are spread evenly and leave room for final ones. The stream served longest ago goes first.
-- KEYS[1] prefix; ARGV: stream, final (0 | 1), then bucket, limit, period ms of each bucket, the narrowest first.
-- Returns 0 for a grant, else ms to wait.
local p, stream, final = KEYS[1], ARGV[1], ARGV[2] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local WAY = 50 -- ms by which network delay may bring two requests closer together
local SILENT = 3000 -- ms after which a stream that stopped asking loses its place
local STARVING = 1.7 -- periods since a stream's last edit after which final requests no longer count against its share

local function bucket(i)
  local limit, period = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]) + WAY
  return {key = p .. 'pace:' .. ARGV[i], limit = limit, period = period}
end

local function leave(b)
  redis.call('ZREM', b.key .. ':line', stream)
  redis.call('ZREM', b.key .. ':asked', stream)
  redis.call('ZREM', b.key .. ':finals', stream)
end

-- Join the queue of the bucket; returns how many streams are ahead of us.
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
  return redis.call('ZRANK', line, stream)
end

-- Ms until the last period holds fewer than `most` of these grants (`which` is 'grants' for all, or 'ordinary').
local function full(b, which, most)
  local grants = b.key .. ':' .. which
  redis.call('ZREMRANGEBYSCORE', grants, '-inf', now - b.period)
  local over = redis.call('ZCARD', grants) - most
  if over < 0 then return 0 end
  return tonumber(redis.call('ZRANGE', grants, over, over, 'WITHSCORES')[2]) + b.period - now
end

local function wait(b)
  local pause = math.max(redis.call('PTTL', b.key .. ':closed'), full(b, 'grants', b.limit))
  local finals = b.key .. ':finals' -- waiting final requests: they get the next free place
  if final then
    if pause > 0 then redis.call('ZADD', finals, now, stream) else redis.call('ZREM', finals, stream) end
    redis.call('PEXPIRE', finals, SILENT)
  else
    if redis.call('ZCOUNT', finals, now - SILENT, '+inf') > 0 then pause = math.max(pause, 100) end
    local before, most = stand(b), math.max(1, b.limit - 1) -- one place is reserved for final requests
    b.spread = b.period / most
    b.next = tonumber(redis.call('GET', b.key .. ':last') or 0) + b.spread
    local served = tonumber(redis.call('HGET', b.key .. ':served', stream) or now)
    local counted = now - served > STARVING * b.period and 'ordinary' or 'grants'
    pause = math.max(pause, full(b, counted, most), b.next - now)
    if before > 0 then pause = pause + before * b.spread end
  end
  return math.ceil(pause)
end

-- Two grants may fall into one microsecond, or somebody may set the clock back: the counter keeps their entries apart.
local function record(grants, b)
  redis.call('ZADD', grants, now, time[1] .. '.' .. time[2] .. ' ' .. redis.call('INCR', grants .. ':count'))
  redis.call('PEXPIRE', grants .. ':count', b.period * 2)
  redis.call('PEXPIRE', grants, b.period)
end

local function grant(b)
  record(b.key .. ':grants', b)
  if not final then
    record(b.key .. ':ordinary', b)
    -- A stream that comes a little late does not delay the others.
    local last = now - b.next < b.spread and b.next or now
    redis.call('SET', b.key .. ':last', math.floor(last), 'PX', b.period)
  end
  redis.call('HSET', b.key .. ':served', stream, now)
  redis.call('PEXPIRE', b.key .. ':served', b.period * 20)
  leave(b)
end

local buckets = {}
for i = 3, #ARGV, 3 do buckets[#buckets + 1] = bucket(i) end
for i, b in ipairs(buckets) do
  local pause = wait(b)
  if pause > 0 then
    for j = i + 1, #buckets do leave(buckets[j]) end -- a stream that waits here blocks nobody in the wider buckets
    return pause
  end
end
for _, b in ipairs(buckets) do grant(b) end
return 0
