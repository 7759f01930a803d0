-- KEYS: the sessions by expiry. ARGV: prefix, ids. Answers with the records that are there.
local answer = {}
for place = 2, #ARGV do
    local record = redis.call('HGET', session_key(ARGV[place]), 'record')
    if record then
        answer[#answer + 1] = record
    else
        forget(KEYS[1], ARGV[place])
    end
end
return answer
