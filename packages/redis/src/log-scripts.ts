/** The scripts of the log: append, refuse, read. Which KEYS and ARGV they take is said where each begins. */
import { CHANNEL_LUA } from './channel-lua.ts'
import { type Script, script } from './script.ts'

/**
 * Answers per producer that can be repeated word for word. Below 128 fields a hash is kept as one compact block
 * (`hash-max-listpack-entries`), and a client has fewer publishes on their way.
 */
const REMEMBERED_ANSWERS = 100

/** Entries beyond the history that an append leaves for the next trimming: reading them to drop them costs less in bulk. */
const TRIM_SLACK = 32

/**
 * What a producer's sequence means: nothing where it is the next one, otherwise the answer it gets.
 * KEYS[6] is the producer.
 */
const PRODUCER_LUA = `
local function check(sequence, lowest, window)
  local last = tonumber(redis.call('HGET', KEYS[6], 'last') or nil)
  local expected = lowest
  if last then
    redis.call('PEXPIRE', KEYS[6], window)
    expected = math.max(last + 1, lowest)
  end
  if sequence == expected then return nil end
  if not last or sequence > last then return { 'gap', text(expected) } end
  local answer = redis.call('HGET', KEYS[6], 'a' .. sequence % ${REMEMBERED_ANSWERS}) or ''
  local number, status, rest = string.match(answer, '^(%d+) (%a+) (.*)$')
  if tonumber(number) == sequence then return { status, rest } end
  return { 'duplicate', '' }
end

local function record(sequence, status, rest, window)
  redis.call('HSET', KEYS[6], 'last', text(sequence),
    'a' .. sequence % ${REMEMBERED_ANSWERS}, text(sequence) .. ' ' .. status .. ' ' .. rest)
  redis.call('PEXPIRE', KEYS[6], window)
end
`

/**
 * KEYS: the channel's, the producer, the once key, or where there is none the key of its tag. ARGV: epoch, idle, tag, event
 * and cause, data, keep, age, bytes, window, sequence or nothing, lowest, whether there is a once key, whether it is tried
 * again.
 */
export const APPEND: Script = script(
  'append',
  `${CHANNEL_LUA}${PRODUCER_LUA}
local tag, window = ARGV[3], ARGV[9]
local sequence, lowest = tonumber(ARGV[10]), tonumber(ARGV[11])

if sequence then
  local answer = check(sequence, lowest, window)
  if answer then return answer end
end

local isKeyed, again = ARGV[12] == '1', ARGV[13] == '1'
local twin = redis.call('GET', KEYS[7])
if twin then
  if sequence then record(sequence, 'duplicate', twin, window) end
  return { isKeyed and 'duplicate' or 'appended', twin }
end

local s = state()

if again and not isKeyed then
  -- The answer of the first time was lost. Without another identity it finds itself by its tag.
  for _, entry in ipairs(redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1000)) do
    local f = fields(entry)
    if f.t == tag then return { 'appended', cursor(s, tonumber(string.match(entry[1], '^%d+')), tag) } end
  end
end

local before = s.t
s.o, s.t, s.n = s.o + 1, tag, s.n + #ARGV[5]
s.k, s.a, s.b = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local at = cursor(s, s.o, tag)
redis.call('XADD', KEYS[2], text(s.o) .. '-0',
  't', tag, 'm', ARGV[4], 'd', ARGV[5], 'n', text(s.n), 'w', text(now))
redis.call('HSET', KEYS[1], 'o', text(s.o), 't', tag, 'n', text(s.n), 'k', ARGV[6], 'a', ARGV[7], 'b', ARGV[8])
if s.o - s.bo > s.k + ${TRIM_SLACK} or s.n - s.bn > s.b + #ARGV[5] then trim(s) end
keep(s)
if sequence then record(sequence, 'duplicate', at, window) end
-- One that is tried again may be overtaken by itself: what was sent first may still lie in a socket.
if isKeyed or again then redis.call('SET', KEYS[7], at, 'PX', window) end
redis.call('SPUBLISH', KEYS[5], 'e' .. before .. ' ' .. at .. ' ' .. ARGV[4] .. '\\n' .. ARGV[5])
return { 'appended', at }
`,
)

/** KEYS: the channel's, the producer. ARGV: epoch, idle, code, window, sequence, lowest. */
export const REFUSE: Script = script(
  'refuse',
  `${CHANNEL_LUA}${PRODUCER_LUA}
local sequence = tonumber(ARGV[5])
local answer = check(sequence, tonumber(ARGV[6]), ARGV[4])
if answer then return answer end
record(sequence, 'refused', ARGV[3], ARGV[4])
return { 'refused', ARGV[3] }
`,
)

/**
 * KEYS: the channel's. ARGV: epoch, idle, entries at most, bytes at most, then either `tail` and a number, or `after` and
 * epoch, offset and tag. Answers `page`, from, head, and offset, tag, event and cause, data of each entry; or `gap`, reason,
 * where it goes on, head.
 */
export const READ: Script = script(
  'read',
  `${CHANNEL_LUA}
local limit, room = tonumber(ARGV[3]), tonumber(ARGV[4])
local s = state()
trim(s)
keep(s)
local head = cursor(s, s.o, s.t)
local boundary = cursor(s, s.bo, s.bt)

local function tag(offset)
  if offset == s.bo then return s.bt end
  if offset == s.o then return s.t end
  local id = text(offset) .. '-0'
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  return entry and fields(entry).t or ''
end

local from
if ARGV[5] == 'after' then
  from = tonumber(ARGV[7])
  if ARGV[6] ~= s.e then return { 'gap', 'new_epoch', boundary, head } end
  if from < s.bo then return { 'gap', 'trimmed', boundary, head } end
  if from > s.o or tag(from) ~= ARGV[8] then return { 'gap', 'lost_tail', '', head } end
else
  from = math.max(s.bo, s.o - tonumber(ARGV[6]))
end

local page = { 'page', cursor(s, from, tag(from)), head }
local count, used, last = 0, 0, from
while count < limit and last < s.o do
  local entries = redis.call('XRANGE', KEYS[2], text(last + 1) .. '-0', '+', 'COUNT', math.min(limit - count, 64))
  if #entries == 0 then break end
  for _, entry in ipairs(entries) do
    local f = fields(entry)
    used = used + #f.d
    if used > room and count > 0 then return page end
    count = count + 1
    last = tonumber(string.match(entry[1], '^%d+'))
    page[#page + 1] = text(last)
    page[#page + 1] = f.t
    page[#page + 1] = f.m
    page[#page + 1] = f.d
  end
end
return page
`,
  { whenFull: true },
)
