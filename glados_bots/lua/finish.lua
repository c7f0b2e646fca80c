-- End a turn: keep its exchange, take it off the queue, free the conversation. Fenced, in one step.
-- KEYS[1] prefix; ARGV: conversation, fence, turn, outcome (done | gone | dead), exchange JSON or '', keep s, most exchanges.
-- Returns 1, or 0 when the lease is lost (somebody else owns the turn now: nothing was changed).
local p, conversation, fence, turn, outcome, exchange = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local keep_s, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local c, t = p .. 'c:' .. conversation, p .. 't:' .. turn
if redis.call('GET', c .. ':fence') ~= fence or redis.call('LINDEX', c .. ':queue', 0) ~= turn then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('LPOP', c .. ':queue')
if exchange ~= '' then
  if redis.call('HSET', c .. ':exchanges', turn, exchange) == 1 then redis.call('RPUSH', c .. ':history', turn) end
  while redis.call('LLEN', c .. ':history') > most do
    redis.call('HDEL', c .. ':exchanges', redis.call('LPOP', c .. ':history'))
  end
end
if outcome == 'gone' then
  redis.call('LREM', c .. ':history', 0, turn)
  redis.call('HDEL', c .. ':exchanges', turn)
  redis.call('DEL', t)
else
  redis.call('HSET', t, 'state', outcome)
  redis.call('HDEL', t, 'cancel', 'answer', 'draft')
  redis.call('EXPIRE', t, keep_s)
end
if outcome == 'dead' then redis.call('ZADD', p .. 'dead', now, turn) else redis.call('ZREM', p .. 'dead', turn) end

for _, part in ipairs({':history', ':exchanges', ':fence'}) do redis.call('EXPIRE', c .. part, keep_s) end
if redis.call('LLEN', c .. ':queue') > 0 then
  redis.call('ZADD', p .. 'ready', now, conversation)
  redis.call('LPUSH', p .. 'wake', 1)
else
  redis.call('ZREM', p .. 'ready', conversation)
end
return 1
