/**
 * The scripts of the presence set. A member is one field of a hash: its value, its sequence and the leases of its holders,
 * packed. A sorted set says when its last lease ends. Nobody waits for a lease to end but those who look: whoever asks
 * first, and every node that follows the channel, ends what is over (`TOUCH`).
 */
import { CHANNEL_LUA } from './channel-lua.ts'
import { type Script, script } from './script.ts'

/** Leases one member may have at a time. Beyond it the one that ends soonest is dropped: the member stays. */
const MAX_HOLDERS = 64

const MEMBER_LUA = `
local function load(member)
  local packed = redis.call('HGET', KEYS[3], member)
  return packed and cmsgpack.unpack(packed)
end

-- Keeps a member until its last lease ends.
local function save(member, m)
  local last, soonest, count = 0, nil, 0
  for holder, ends in pairs(m.h) do
    if ends <= now then
      m.h[holder] = nil
    else
      count = count + 1
      last = math.max(last, ends)
      if not soonest or ends < m.h[soonest] then soonest = holder end
    end
  end
  if count > ${MAX_HOLDERS} then m.h[soonest] = nil end
  redis.call('HSET', KEYS[3], member, cmsgpack.pack(m))
  redis.call('ZADD', KEYS[4], text(last), member)
  return count
end

local function leave(s, member, nonce)
  redis.call('HDEL', KEYS[3], member)
  redis.call('ZREM', KEYS[4], member)
  changed(s, 'l', member, '', nonce)
end

-- Those who follow the channel wake up when the next lease ends.
local function hint() redis.call('SPUBLISH', KEYS[5], 'd' .. text(due())) end
`

/**
 * KEYS: the channel's, the goodbye. ARGV: epoch, idle, nonce, member, holder, lease, members at most, and sequence and data
 * where a value is shown.
 */
export const HOLD: Script = script(
  'hold',
  `${CHANNEL_LUA}${MEMBER_LUA}
local nonce, member, holder, lease = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local sequence, data = tonumber(ARGV[8] or nil), ARGV[9]
local s = state()
expire(s, nonce)
keep(s, lease)
local m = load(member)
if not m then
  local goodbye = tonumber(redis.call('GET', KEYS[6]) or nil)
  if not sequence or (goodbye and sequence <= goodbye) then return 'unknown' end
  if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[7]) then return 'full' end
  redis.call('DEL', KEYS[6])
  save(member, { s = sequence, d = data, h = { [holder] = now + lease } })
  keep(s, lease)
  changed(s, 'j', member, data, nonce)
  hint()
  return 'held'
end
local shown = m.d
m.h[holder] = now + lease
if sequence and sequence > m.s then m.s, m.d = sequence, data end
save(member, m)
if m.d ~= shown then changed(s, 'u', member, data, nonce) end
return 'held'
`,
)

/** KEYS: the channel's. ARGV: epoch, idle, nonce, member, holder, grace. */
export const RELEASE: Script = script(
  'release',
  `${CHANNEL_LUA}${MEMBER_LUA}
local nonce, member, holder, grace = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local s = state()
expire(s, nonce)
local m = load(member)
if not m or not m.h[holder] then return end
m.h[holder] = grace > 0 and now + grace or now
if save(member, m) == 0 then leave(s, member, nonce) else hint() end
`,
  { whenFull: true },
)

/** KEYS: the channel's, the goodbye. ARGV: epoch, idle, nonce, member, sequence, window. */
export const DEPART: Script = script(
  'depart',
  `${CHANNEL_LUA}${MEMBER_LUA}
local nonce, member, sequence = ARGV[3], ARGV[4], tonumber(ARGV[5])
local s = state()
expire(s, nonce)
local m = load(member)
local known = m and m.s or tonumber(redis.call('GET', KEYS[6]) or nil)
if known and sequence < known then return end
redis.call('SET', KEYS[6], ARGV[5], 'PX', ARGV[6])
if m then leave(s, member, nonce) end
`,
  { whenFull: true },
)

/** KEYS: the channel's. ARGV: epoch, idle, nonce. Answers version, and member and data of each. */
export const MEMBERS: Script = script(
  'members',
  `${CHANNEL_LUA}
local s = state()
expire(s, ARGV[3])
keep(s)
local set = { s.e .. '.' .. s.v }
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  set[#set + 1] = all[i]
  set[#set + 1] = cmsgpack.unpack(all[i + 1]).d
end
return set
`,
  { whenFull: true },
)

/** Keeps a channel that is followed. KEYS: the channel's. ARGV: epoch, idle, nonce. Answers head, and due milliseconds. */
export const TOUCH: Script = script(
  'touch',
  `${CHANNEL_LUA}
local s = state()
expire(s, ARGV[3])
keep(s, math.max(0, due()))
return { cursor(s, s.o, s.t), text(due()) }
`,
  { whenFull: true },
)
