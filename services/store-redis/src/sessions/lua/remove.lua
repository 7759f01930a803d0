-- KEYS: the session. ARGV: prefix, id, expected revision or nothing.
local found = redis.call('HGET', KEYS[1], 'revision')
if not found then
    return {'missing'}
end
if ARGV[3] ~= '' and ARGV[3] ~= found then
    return {'conflict', found}
end
return {'done', take(ARGV[2])}
