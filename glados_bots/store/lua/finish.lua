-- End a turn: store its exchange, take it off the queue, count its tokens, free the conversation. Fenced, in one step.
-- KEYS[1] prefix; ARGV: conversation, fence, turn, outcome (done | gone | dead), exchange JSON or '', keep s,
-- most exchanges, tokens used, JSON list of the scopes whose tokens are limited, ms after which a doubted turn comes back.
-- Returns 'ended'; 'lost' if another worker owns the turn now; 'delete' or 'redo' if somebody has asked for that.
-- Unless it returns 'ended', the script changes nothing. After 'delete' or 'redo' the turn continues.
local p, conversation, fence, turn, outcome, exchange = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local keep_s, most = tonumber(ARGV[6]), tonumber(ARGV[7])
local c, t = p .. 'c:' .. conversation, p .. 't:' .. turn
-- 1. Only the owner may end it, and only if nobody has asked for a deletion or a redo.
if redis.call('GET', c .. ':fence') ~= fence or redis.call('LINDEX', c .. ':queue', 0) ~= turn then return 'lost' end
local asked = redis.call('HGET', t, 'cancel')
if outcome ~= 'gone' and (asked == 'delete' or asked == 'redo') then return asked end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- 2. Schedule a doubted end to be shown once more; release the tokens that were set aside.
let_come_back(p, now, turn, tonumber(ARGV[10]), outcome == 'gone')

for _, scope in ipairs(cjson.decode(redis.call('HGET', t, 'held') or '[]')) do
  redis.call('ZREM', p .. 'limit:open:' .. scope, turn)
end

local function forget(id)
  for _, part in ipairs(cjson.decode(redis.call('HGET', p .. 't:' .. id, 'parts') or '[]')) do
    redis.call('DEL', p .. 't:' .. part[1])
  end
  redis.call('DEL', p .. 't:' .. id, p .. 'v:' .. id, p .. 'f:' .. id)
  redis.call('ZREM', p .. 'dead', id)
end

-- 3. Move it from the queue to the history; delete the oldest exchanges.
redis.call('LPOP', c .. ':queue')
if exchange ~= '' then
  if redis.call('HSET', c .. ':exchanges', turn, exchange) == 1 then redis.call('RPUSH', c .. ':history', turn) end
  while redis.call('LLEN', c .. ':history') > most do
    local oldest = redis.call('LPOP', c .. ':history')
    redis.call('HDEL', c .. ':exchanges', oldest)
    local state = redis.call('HGET', p .. 't:' .. oldest, 'state')
    if state == 'done' or state == 'dead' then forget(oldest) end
  end
end
-- 4. Forget a deleted turn, or store how it ended.
if outcome == 'gone' then
  redis.call('LREM', c .. ':history', 0, turn)
  redis.call('HDEL', c .. ':exchanges', turn)
  forget(turn)
else
  redis.call('HSET', t, 'state', outcome)
  redis.call('HDEL', t, 'cancel', 'answer', 'draft', 'failures', 'owner', 'taken', 'hand', 'deaths', 'buried')
  redis.call('HDEL', t, 'doubted', 'again', 'held')
  redis.call('EXPIRE', t, keep_s)
  -- Bytes that nobody read, because somebody stopped the turn first, wait for another try no longer than an hour.
  local read_s = keep_s
  for _, id in ipairs(redis.call('HKEYS', p .. 'f:' .. turn)) do
    if string.sub(id, 1, 4) == 'raw:' then read_s = math.min(keep_s, 3600) end
  end
  redis.call('EXPIRE', p .. 'f:' .. turn, read_s)
  redis.call('ZREMRANGEBYSCORE', p .. 'dead', '-inf', now - keep_s * 1000) -- their turns have expired
  if outcome == 'dead' then redis.call('ZADD', p .. 'dead', now, turn) else redis.call('ZREM', p .. 'dead', turn) end
end

-- 5. Count its tokens, and restart the conversation's time to live.
for _, scope in ipairs(cjson.decode(ARGV[9])) do
  redis.call('INCRBY', p .. 'limit:tokens:' .. scope, ARGV[8])
  redis.call('PEXPIRE', p .. 'limit:tokens:' .. scope, 86400000 - now % 86400000)
end
for _, part in ipairs({':history', ':exchanges', ':fence', ':authors'}) do redis.call('EXPIRE', c .. part, keep_s) end
for _, author in ipairs(redis.call('SMEMBERS', c .. ':authors')) do redis.call('EXPIRE', p .. 'a:' .. author, keep_s) end
-- 6. The conversation's next turn may be claimed.
if redis.call('LLEN', c .. ':queue') > 0 then
  redis.call('ZADD', p .. 'ready', now, conversation)
  redis.call('LPUSH', p .. 'wake', 1)
else
  redis.call('ZREM', p .. 'ready', conversation)
end
return 'ended'
