-- KEYS: the user's sessions. ARGV: prefix, after which id, how many.
local ids = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if id > ARGV[2] then
        ids[#ids + 1] = id
    end
end
table.sort(ids)
return page(KEYS[1], ids, tonumber(ARGV[3]), false)
