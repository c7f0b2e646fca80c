-- What people attached to a turn: `files` of its hash, one JSON object per line, in the order of the question.
-- What was read of them is in the hash f:TURN. Field: the file's id, or 'raw:' and the id for bytes that nobody has read yet.
-- Shared by accept.lua, change.lua and keep.lua.
local function ids_of(files)
  local found = {}
  for line in string.gmatch(files or '', '[^\n]+') do found[#found + 1] = cjson.decode(line).id end
  return found
end

-- The lines of several messages as one.
local function all_files(parts)
  local lines = {}
  for _, each in ipairs(parts) do
    if each[3] and each[3] ~= '' then lines[#lines + 1] = each[3] end
  end
  return table.concat(lines, '\n')
end

-- Delete what was read of files that the question has no longer.
local function drop_contents(p, turn, files)
  local wanted = {}
  for _, id in ipairs(ids_of(files)) do
    wanted[id] = true
    wanted['raw:' .. id] = true
  end
  for _, id in ipairs(redis.call('HKEYS', p .. 'f:' .. turn)) do
    if not wanted[id] then redis.call('HDEL', p .. 'f:' .. turn, id) end
  end
end
