-- Store something about a turn of a leased conversation: `posts` (ids of its messages), `draft` (what people see of its
-- answer so far), `answer` (its exchange), `error` (why this attempt failed; also counts the failure), or `hand` (whether
-- a worker works on the turn itself: works or waits).
-- KEYS[1] prefix; ARGV: conversation, fence, turn, field, value, and more such pairs. Returns 1, or 0 if the lease is lost.
local p, conversation, fence, turn, field, value = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local c, t = p .. 'c:' .. conversation, p .. 't:' .. turn
if redis.call('GET', c .. ':fence') ~= fence then return 0 end
if redis.call('EXISTS', t) == 0 then return 1 end

-- Count the new messages; their names need the number (see turns/display.py).
local function count_new()
  local had, new = {}, 0
  for _, post in ipairs(cjson.decode(redis.call('HGET', t, 'posts') or '[]')) do had[post] = true end
  for _, post in ipairs(cjson.decode(value)) do new = new + (had[post] and 0 or 1) end
  if new > 0 then redis.call('HINCRBY', t, 'noted', new) end
  return new
end

-- A message that the first turn posts stands below the notices of turns behind it. They are `buried` until posted again.
local function bury_notices()
  redis.call('HDEL', t, 'buried')
  for _, waiting in ipairs(redis.call('LRANGE', c .. ':queue', 1, -1)) do
    local found = redis.call('HMGET', p .. 't:' .. waiting, 'posts', 'version')
    if found[2] == '0' and found[1] ~= '[]' then redis.call('HSET', p .. 't:' .. waiting, 'buried', 1) end
  end
end

if field == 'posts' and count_new() > 0 and redis.call('LINDEX', c .. ':queue', 0) == turn then bury_notices() end
redis.call('HSET', t, unpack(ARGV, 4))
if field == 'error' then redis.call('HINCRBY', t, 'failures', 1) end
return 1
