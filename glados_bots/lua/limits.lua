-- Put before accept.lua and change.lua: how much may be asked for. `scopes` is a JSON list of {name, questions a minute,
-- tokens a day}; 0 means no limit. A minute is any 60 seconds; a day ends at 00:00 UTC.
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
    if per_day > 0 and tonumber(redis.call('GET', p .. 'limit:tokens:' .. name) or 0) >= per_day then
      kind, reset = 'day', 86400000 - now % 86400000
    end
    if kind then
      local told = redis.call('SET', p .. 'limit:told:' .. kind .. ':' .. name, 1, 'NX', 'PX', math.max(1, reset))
      return {'limited', 0, name, kind, reset, told and 0 or 1}
    end
  end
end

-- One turn may be asked for many times in one millisecond (Regenerate), and each counts. What is older than a minute went in
-- `over_limit`, so within a millisecond the set only grows: its size tells its entries apart.
local function count_question(p, scopes, now, turn)
  for _, scope in ipairs(scopes) do
    if scope[2] > 0 then
      local asked = p .. 'limit:minute:' .. scope[1]
      redis.call('ZADD', asked, now, turn .. ' ' .. now .. ' ' .. redis.call('ZCARD', asked))
      redis.call('PEXPIRE', asked, 60000)
    end
  end
end
