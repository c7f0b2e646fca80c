-- Free the conversations of a holder that its supervisor knows to be dead; the oldest questions come first.
-- Their turns stay `running`, as after any lost lease. If the holder is alive after all, the fence stops its writes.
-- KEYS[1] prefix; ARGV: owner. Returns the number of freed conversations.
local p, owner, count = KEYS[1], ARGV[1], 0
for _, conversation in ipairs(redis.call('ZRANGE', p .. 'ready', 0, -1)) do
  local c = p .. 'c:' .. conversation
  local turn = redis.call('LINDEX', c .. ':queue', 0)
  local found = turn and redis.call('HMGET', p .. 't:' .. turn, 'state', 'owner', 'at') or {}
  if found[1] == 'running' and found[2] == owner then
    redis.call('INCR', c .. ':fence')
    redis.call('ZADD', p .. 'ready', 'XX', found[3], conversation)
    redis.call('LPUSH', p .. 'wake', 1)
    count = count + 1
  end
end
redis.call('LTRIM', p .. 'wake', 0, 999)
return count
