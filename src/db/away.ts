/**
 * Messages that their readers have deleted or snoozed. Processes of the version before this know neither; what is archived they neither fold into nor
 * count. So it is archived to them, at a time of its own unless its reader has archived it; here it is not.
 */
export const AWAY = '1970-01-01T00:00:00.000Z'

/** SQL: when the reader of a message `m` has archived it. */
export const archivedColumn = `NULLIF(m.archived_at, '${AWAY}')`
