/** What makes a SQLite file ours, besides the tables every broker in SQLite has. */
import { TABLES } from '@triwire/server/broker-parts'

/** Says in the header of a SQLite file that it is ours: "Triw". */
export const APPLICATION_ID = 0x54726977

/** The schema below. A file with a higher one was written by a newer version of this package. */
export const SCHEMA_VERSION = 1

export const SCHEMA: string = `
${TABLES}
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${SCHEMA_VERSION};
`
