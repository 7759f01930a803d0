-- KEYS: an index by id. ARGV: prefix, after which id, how many.
local limit = tonumber(ARGV[3])
local ids = redis.call('ZRANGEBYLEX', KEYS[1], after(ARGV[2]), '+', 'LIMIT', 0, limit + 1)
return page(KEYS[1], ids, limit, #ids > limit)
