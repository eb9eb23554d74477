/**
 * Limits for platforms that see that the client of a response is gone when they write to it, and not before: so there are
 * heartbeats every second. Under load they now and then miss it of a poll until that ends, whatever is written: so polls
 * end after five.
 */
export const SEES_BY_WRITING = { heartbeatMs: 1000, pollHoldMs: 5000 }
