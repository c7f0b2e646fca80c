-- Forget a conversation, one person's part of it, or one turn. Running and waiting turns lose their text at once and are
-- marked as deleted; their worker then deletes the messages.
-- KEYS[1] prefix; ARGV: conversation, author or '', turn or ''. Returns the forgotten turns.
local p, conversation, author, only = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local c, gone = p .. 'c:' .. conversation, {}
local function meant(turn, whose) return (author == '' or whose == author) and (only == '' or turn == only) end

for _, turn in ipairs(redis.call('LRANGE', c .. ':queue', 0, -1)) do
  local t = p .. 't:' .. turn
  if meant(turn, redis.call('HGET', t, 'author')) then
    redis.call('HSET', t, 'cancel', 'delete', 'text', '', 'files', '')
    redis.call('DEL', p .. 'f:' .. turn)
    redis.call('HDEL', t, 'draft', 'answer', 'error')
    local parts = cjson.decode(redis.call('HGET', t, 'parts') or '[]')
    for _, part in ipairs(parts) do part[2], part[3] = '', '' end
    if #parts > 0 then redis.call('HSET', t, 'parts', cjson.encode(parts)) end
    redis.call('PUBLISH', p .. 'signal', 'delete ' .. turn)
    gone[#gone + 1] = turn
  end
end
for _, turn in ipairs(redis.call('LRANGE', c .. ':history', 0, -1)) do
  local t = p .. 't:' .. turn
  local exchange = redis.call('HGET', c .. ':exchanges', turn)
  if not exchange or meant(turn, cjson.decode(exchange).author) then
    redis.call('LREM', c .. ':history', 0, turn)
    redis.call('HDEL', c .. ':exchanges', turn)
    redis.call('ZREM', p .. 'dead', turn)
    redis.call('DEL', p .. 'v:' .. turn, p .. 'f:' .. turn)
    local state = redis.call('HGET', t, 'state')
    if state ~= 'queued' and state ~= 'running' then
      for _, part in ipairs(cjson.decode(redis.call('HGET', t, 'parts') or '[]')) do
        redis.call('DEL', p .. 't:' .. part[1])
      end
      redis.call('DEL', t)
      gone[#gone + 1] = turn
    end
  elseif author ~= '' and only == '' then
    redis.call('HDEL', p .. 'v:' .. turn, author)
  end
end
if author ~= '' and only == '' then
  redis.call('SREM', p .. 'a:' .. author, conversation)
  redis.call('SREM', c .. ':authors', author)
end
return gone
