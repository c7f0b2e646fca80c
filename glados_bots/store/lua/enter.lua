-- Ask whether a call to a platform may pass its gate (turns/gate.py).
-- KEYS[1] zset of calls: name -> latest time at which the platform counted it, ms; KEYS[2] exists while it refuses all calls
-- ARGV: name, most calls per period, period ms, longest flight ms, longest nap ms
-- Returns 0 for a call that may go, or ms to wait.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, period, flight, nap = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local refused = redis.call('PTTL', KEYS[2])
if refused > 0 then return refused end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - period)
local over = redis.call('ZCARD', KEYS[1]) - most
if over >= 0 then
  local counted = tonumber(redis.call('ZRANGE', KEYS[1], over, over, 'WITHSCORES')[2])
  return math.max(1, math.min(nap, counted + period - now))
end
redis.call('ZADD', KEYS[1], now + flight, ARGV[1])
redis.call('PEXPIRE', KEYS[1], flight + period)
return 0
