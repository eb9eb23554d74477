/**
 * What the scripts about a channel have in common, as Lua: reading its state, beginning a new life where there is none,
 * the time, numbers as text, and letting presence leases end.
 *
 * KEYS are `ChannelKeys.all`: state, log, members, leases, live. The state is a hash:
 *
 * - `e` epoch, `o` and `t` offset and tag of the head, `n` the bytes ever appended
 * - `bo`, `bt`, `bn` the same three for the boundary: the position before the first entry that is kept
 * - `k`, `a`, `b` the history of the last append: number, age in milliseconds, bytes
 * - `v` the version of the presence set
 *
 * A stream entry is `t` tag, `m` event and cause, `d` data, `n` bytes up to and with it, `w` when it was appended.
 */

/** Goes before every script about a channel. Uses ARGV[1], a name for a new epoch, and ARGV[2], idle milliseconds. */
export const CHANNEL_LUA: string = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Lua writes large numbers as 1e+15.
local function text(number) return string.format('%.0f', number) end

local function cursor(s, o, t) return s.e .. ':' .. text(o) .. ':' .. t end

local function begin()
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  redis.call('HSET', KEYS[1], 'e', ARGV[1], 'o', 0, 't', '0', 'n', 0, 'bo', 0, 'bt', '0', 'bn', 0, 'v', '0')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return { e = ARGV[1], o = 0, t = '0', n = 0, bo = 0, bt = '0', bn = 0, v = '0' }
end

local function state()
  local f = redis.call('HMGET', KEYS[1], 'e', 'o', 't', 'n', 'bo', 'bt', 'bn', 'k', 'a', 'b', 'v')
  if not f[1] then return begin() end
  return {
    e = f[1], o = tonumber(f[2]), t = f[3], n = tonumber(f[4]),
    bo = tonumber(f[5]), bt = f[6], bn = tonumber(f[7]),
    k = tonumber(f[8]), a = tonumber(f[9]), b = tonumber(f[10]), v = f[11],
  }
end

-- Keeps the channel for its history, or for a lease where that is longer, and for idle milliseconds more.
local function keep(s, lease)
  local life = text(math.max(s.a or 0, lease or 0) + tonumber(ARGV[2]))
  redis.call('PEXPIRE', KEYS[1], life)
  redis.call('PEXPIRE', KEYS[2], life)
  redis.call('PEXPIRE', KEYS[3], life)
  redis.call('PEXPIRE', KEYS[4], life)
end

local function fields(entry)
  local f = {}
  for i = 1, #entry[2], 2 do f[entry[2][i]] = entry[2][i + 1] end
  return f
end

-- Drops what is beyond age, number or bytes. The newest entry goes by age only: it can be read at least once.
local function trim(s)
  if not s.k then return end
  local before, count = s.bo, 1
  while s.bo < s.o do
    local page = redis.call('XRANGE', KEYS[2], text(s.bo + 1) .. '-0', '+', 'COUNT', count)
    if #page == 0 then
      -- Evicted: what is left of the channel begins at its head.
      s.bo, s.bt, s.bn = s.o, s.t, s.n
    end
    local stop = false
    for _, entry in ipairs(page) do
      local f = fields(entry)
      local over = s.o - s.bo > 1 and (s.o - s.bo > s.k or s.n - s.bn > s.b)
      if not over and now - tonumber(f.w) < s.a then
        stop = true
        break
      end
      s.bo, s.bt, s.bn = tonumber(string.match(entry[1], '^%d+')), f.t, tonumber(f.n)
    end
    if stop then break end
    count = 32
  end
  if s.bo == before then return end
  redis.call('XTRIM', KEYS[2], 'MINID', text(s.bo + 1) .. '-0')
  redis.call('HSET', KEYS[1], 'bo', text(s.bo), 'bt', s.bt, 'bn', text(s.bn))
end

local function changed(s, op, member, data, nonce)
  s.v = text(tonumber(string.match(s.v, '^%d+')) + 1) .. '-' .. nonce
  redis.call('HSET', KEYS[1], 'v', s.v)
  redis.call('SPUBLISH', KEYS[5], 'p' .. op .. s.e .. '.' .. s.v .. ' ' .. cjson.encode(member) .. '\\n' .. data)
end

-- Ends the leases that are over. Who has none left, leaves.
local function expire(s, nonce)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now)
  for i, member in ipairs(gone) do
    redis.call('HDEL', KEYS[3], member)
    redis.call('ZREM', KEYS[4], member)
    changed(s, 'l', member, '', nonce .. i)
  end
end

-- Milliseconds until the first member's last lease ends; -1 where nobody is present.
local function due()
  local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')
  if #first == 0 then return -1 end
  return math.max(0, tonumber(first[2]) - now)
end
`
