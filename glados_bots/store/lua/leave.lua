-- The answer to a call has arrived: the platform counted the call before this moment.
-- KEYS[1] zset of calls, see enter.lua; ARGV: name
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
