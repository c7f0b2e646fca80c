-- A platform may carry out a dead process's calls late, when another process has long continued. Showing the end of the
-- turn once more corrects the messages and creates none. A turn is `doubted` if a process died that may have been changing
-- its messages (claim.lua). When the turn ends, finish.lua sets the time at which no such call can still be pending. The
-- turn then comes `again` with its answer. Of a deleted turn, `gone` stays, so that its messages can be found.

-- When a doubted turn ends: let it come back after `after_ms` ms.
local function let_come_back(p, now, turn, after_ms, is_deleted)
  local t, gone = p .. 't:' .. turn, p .. 'gone:' .. turn
  if after_ms == 0 then return end
  if redis.call('HEXISTS', t, 'doubted') == 0 and not redis.call('ZSCORE', p .. 'again', turn) then return end
  local found = redis.call('HMGET', t, 'again', 'failures')
  if found[1] and found[2] then return end -- showing it again has failed before: do not try again
  redis.call('ZADD', p .. 'again', now + after_ms, turn)
  if not is_deleted then return end
  for _, field in ipairs({'data', 'conversation', 'author', 'at', 'version', 'noted'}) do
    redis.call('HSET', gone, field, redis.call('HGET', t, field) or 0)
  end
  redis.call('EXPIRE', gone, 3600)
end

-- Put turns whose time has come at the head of their conversations, unless a worker is busy there. Turns that are half an
-- hour late stay as they are: platforms do not allow edits of old messages.
local function bring_back(p, now)
  redis.call('ZREMRANGEBYSCORE', p .. 'again', '-inf', now - 1800000)
  for _, turn in ipairs(redis.call('ZRANGEBYSCORE', p .. 'again', '-inf', now, 'LIMIT', 0, 10)) do
    local t, gone = p .. 't:' .. turn, p .. 'gone:' .. turn
    local state = redis.call('HGET', t, 'state')
    local conversation = redis.call('HGET', state and t or gone, 'conversation') or ''
    local c = p .. 'c:' .. conversation
    local answer = redis.call('HGET', c .. ':exchanges', turn)
    local head = redis.call('LINDEX', c .. ':queue', 0)
    if state == 'queued' or state == 'running' or (head and redis.call('HEXISTS', p .. 't:' .. head, 'owner') == 1) then
      redis.call('ZADD', p .. 'again', now + 1000, turn)
    else
      redis.call('ZREM', p .. 'again', turn)
      if state and answer then
        redis.call('HSET', t, 'answer', answer)
      elseif not state and redis.call('HEXISTS', gone, 'data') == 1 then
        redis.call('HSET', t, 'text', '', 'posts', '[]', 'cancel', 'delete', unpack(redis.call('HGETALL', gone)))
      else
        conversation = '' -- the person who asked had it forgotten
      end
      redis.call('DEL', gone)
      if conversation ~= '' then
        redis.call('PERSIST', t)
        redis.call('HSET', t, 'state', 'queued', 'attempts', 0, 'again', 1)
        redis.call('HINCRBY', t, 'version', 1)
        redis.call('LPUSH', c .. ':queue', turn)
        redis.call('ZADD', p .. 'ready', 'NX', now, conversation)
      end
    end
  end
end
