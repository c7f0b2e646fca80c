-- Limits on questions; prepended to accept.lua and change.lua. `scopes` is a JSON list of {name, questions per minute,
-- tokens per day, tokens set aside for a question that is not answered yet}; 0 means no limit. A minute is any 60 seconds;
-- a day ends at 00:00 UTC. Tokens that were set aside and never released (a lost turn) count for one hour.
local HELD_MS, ANSWERED_MS = 3600000, 10000

local function over_limit(p, scopes, now)
  for _, scope in ipairs(scopes) do
    local name, per_minute, per_day = scope[1], scope[2], scope[3]
    local kind, reset
    if per_minute > 0 then
      local asked = p .. 'limit:minute:' .. name
      redis.call('ZREMRANGEBYSCORE', asked, '-inf', now - 60000)
      local over = redis.call('ZCARD', asked) - per_minute
      if over >= 0 then
        kind, reset = 'minute', tonumber(redis.call('ZRANGE', asked, over, over, 'WITHSCORES')[2]) + 60000 - now
      end
    end
    if per_day > 0 then
      local used = tonumber(redis.call('GET', p .. 'limit:tokens:' .. name) or 0)
      local open = redis.call('ZCOUNT', p .. 'limit:open:' .. name, now, '+inf')
      if used >= per_day then
        kind, reset = 'day', 86400000 - now % 86400000
      elseif open > 0 and used + open * (scope[4] or 0) >= per_day then
        kind, reset = 'open', ANSWERED_MS
      end
    end
    if kind then
      local told = redis.call('SET', p .. 'limit:told:' .. kind .. ':' .. name, 1, 'NX', 'PX', math.max(1, reset))
      return {'limited', 0, name, kind, reset, told and 0 or 1}
    end
  end
end

-- Somebody may ask for one turn many times within one millisecond (Regenerate), and each time counts. `over_limit` removed
-- entries older than a minute, so within one millisecond the set only grows: its size makes each entry unique.
local function count_question(p, scopes, now, turn)
  for _, scope in ipairs(scopes) do
    if scope[2] > 0 then
      local asked = p .. 'limit:minute:' .. scope[1]
      redis.call('ZADD', asked, now, turn .. ' ' .. now .. ' ' .. redis.call('ZCARD', asked))
      redis.call('PEXPIRE', asked, 60000)
    end
  end
end

-- Set tokens aside for a turn that goes into the queue; finish.lua releases them.
local function hold_tokens(p, scopes, now, turn)
  local held = {}
  for _, scope in ipairs(scopes) do
    if scope[3] > 0 then
      local open = p .. 'limit:open:' .. scope[1]
      redis.call('ZREMRANGEBYSCORE', open, '-inf', now)
      redis.call('ZADD', open, now + HELD_MS, turn)
      redis.call('PEXPIRE', open, HELD_MS)
      held[#held + 1] = scope[1]
    end
  end
  if #held > 0 then redis.call('HSET', p .. 't:' .. turn, 'held', cjson.encode(held)) end
end
