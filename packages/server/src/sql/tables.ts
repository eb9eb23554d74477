/**
 * The tables of a broker in SQLite, wherever that runs. One row of `channel` is one life of a channel; everything else hangs
 * on its `id` and goes with it.
 *
 * - `head`, `tag`, `total` are offset, tag and bytes ever appended at the head; `boundary…` the same three for the
 *   position before the first entry that is kept.
 * - `keep`, `ttl`, `bytes` are the history of the last append: number, milliseconds, bytes.
 * - `keep_until` and `forget_at` are wall-clock milliseconds, because they outlive the process.
 * - `answer` is a ring per producer: what the last publishes were answered, at `sequence % REMEMBERED_ANSWERS`. A position
 *   in it lies in the epoch of its channel.
 *
 * `entry` is stored in the order of its key, so that a page is read from neighbouring pages of the file. `data` comes last:
 * what is long spills onto pages that are read only where `data` is asked for.
 */

/** Makes them. Executed once, on an empty database. */
export const TABLES: string = `
CREATE TABLE channel (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  epoch TEXT NOT NULL,
  head INTEGER NOT NULL, tag TEXT NOT NULL, total INTEGER NOT NULL,
  boundary INTEGER NOT NULL, boundary_tag TEXT NOT NULL, boundary_total INTEGER NOT NULL,
  keep INTEGER, ttl INTEGER, bytes INTEGER,
  keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX channel_keep_until ON channel (keep_until);

CREATE TABLE entry (
  channel INTEGER NOT NULL, offset INTEGER NOT NULL,
  tag TEXT NOT NULL, total INTEGER NOT NULL, at INTEGER NOT NULL, event TEXT NOT NULL, cause TEXT, data TEXT NOT NULL,
  PRIMARY KEY (channel, offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE producer (
  id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, name TEXT NOT NULL,
  last INTEGER NOT NULL, forget_at INTEGER NOT NULL,
  UNIQUE (channel, name)
) STRICT;
CREATE INDEX producer_forget_at ON producer (forget_at);

CREATE TABLE answer (
  producer INTEGER NOT NULL, slot INTEGER NOT NULL,
  sequence INTEGER NOT NULL, offset INTEGER, tag TEXT, code TEXT,
  PRIMARY KEY (producer, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE once (
  channel INTEGER NOT NULL, key TEXT NOT NULL,
  offset INTEGER NOT NULL, tag TEXT NOT NULL, forget_at INTEGER NOT NULL,
  PRIMARY KEY (channel, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX once_forget_at ON once (forget_at);

CREATE TABLE reply (
  channel INTEGER NOT NULL, id TEXT NOT NULL, reply TEXT NOT NULL, forget_at INTEGER NOT NULL,
  PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reply_forget_at ON reply (forget_at);
`
