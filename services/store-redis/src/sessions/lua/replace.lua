-- KEYS: the session. ARGV: prefix, id, expected revision, then as of `put`.
local id = ARGV[2]
local found = redis.call('HMGET', KEYS[1], 'revision', 'connection')
if not found[1] then
    return {'missing'}
end
if found[1] ~= ARGV[3] then
    return {'conflict', found[1]}
end
local session = {
    revision = ARGV[4], created_at = ARGV[5], expires_at = ARGV[6], user = ARGV[7],
    connection = ARGV[8], record = ARGV[9], lifetime_ms = ARGV[10],
}
if found[2] ~= '' and found[2] ~= session.connection then
    redis.call('ZREM', connection_key(found[2]), id)
end
put(id, session)
return {'done'}
