/**
 * The scripts of a command: one key that is a claim, `r` and its fence, until it is a reply, `s`, fence and reply. A claim
 * lapses and a reply is forgotten as Redis expires the key. KEYS[1] is the command.
 */
import { type Script, script } from './script.ts'

/** ARGV: fence, lease. Answers what lies there; a claim that is tried again finds its own fence. */
export const CLAIM: Script = script(
  'claim',
  `
local known = redis.call('GET', KEYS[1])
if known then return known end
redis.call('SET', KEYS[1], 'r' .. ARGV[1], 'PX', ARGV[2])
return 'r' .. ARGV[1]
`,
)

/** ARGV: fence, lease. */
export const RENEW: Script = script(
  'renew',
  `
if redis.call('GET', KEYS[1]) ~= 'r' .. ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
`,
)

/** ARGV: fence, reply, milliseconds it is remembered, whether it is tried again. */
export const SETTLE: Script = script(
  'settle',
  `
local known = redis.call('GET', KEYS[1])
local reply = 's' .. ARGV[1] .. ' ' .. ARGV[2]
if known == reply and ARGV[4] == '1' then return 1 end
if known ~= 'r' .. ARGV[1] then return 0 end
redis.call('SET', KEYS[1], reply, 'PX', ARGV[3])
redis.call('SPUBLISH', KEYS[1], '')
return 1
`,
)

/** Answers what lies there and for how many milliseconds more. */
export const LOOK: Script = script(
  'look',
  `
return { redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]) }
`,
  { whenFull: true },
)
