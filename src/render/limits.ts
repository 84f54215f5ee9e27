/**
 * The budgets of what callers write: templates, schemas, and the patterns in them. What fits into the units below runs in the server; all
 * else runs in the sandbox, within the time below. docs/production.md lists these numbers.
 */
export const programLimits = {
  /** CPU time of all texts and schemas of one call in the sandbox, ms; of a message that a worker sends, of its texts */
  callMs: 250,
  /**
   * CPU time of one project in the sandboxes of one server, ms each second: of its calls, and as much of what its workers do. What was not
   * used is kept for a second.
   */
  projectMsPerSecond: 500,
  /** child processes of one server; a project uses one at a time */
  processes: 2,
  /** what a project is charged for a process that ended because of its program, ms */
  restartMs: 200,
  /** heap of one child process, MB: several times the memory limit of a text, because garbage may not be collected yet */
  heapMb: 192,
  /** of one project, messages that may wait for the sandbox, and callers that may */
  waitingPerProject: 500,
  callsWaitingPerProject: 20,
  /** a text or schema that exceeded the budget is refused for this long, ms, and twice as long each further time, until it is changed */
  refusedMs: 10_000,
  refusedMaxMs: 3_600_000,
  /** texts and schemas that are remembered for it */
  refusedCount: 2_000,
  /** how often a program is begun that did not get its CPU time, because a busy machine spent it elsewhere */
  patience: 4,
  /** how long it may take by the clock then, as a multiple of its CPU time */
  starvationMax: 20,

  /**
   * Work in the server, in units of about 1 µs (see template-cost.ts and schema-cost.ts): of the texts of one message; of all texts and schemas
   * of one call; of one project's messages that a worker claimed together.
   */
  messageUnits: 4_000,
  callUnits: 20_000,
  batchUnits: 60_000,
  /** the same for a chunk of a send to many, which has up to 500 contacts */
  chunkUnits: 200_000,
  /** the same for storing templates, which lets others have their turn in between, each time after this many */
  upsertUnits: 250_000,
  turnUnits: 10_000,
  /** characters that are produced for one unit */
  producedPerUnit: 64,

  /** lengths of a text's source and of its result, characters */
  sourceLength: 524_288,
  outputLength: 1_048_576,
  /** memory of one text in the sandbox, which Liquid counts in items and characters, of 8 bytes at most */
  memory: 8_000_000,

  /** length of a schema as JSON, characters */
  schemaLength: 65_536,
  /** keywords, properties and values that a schema may have to be compiled and run in the server */
  schemaWeight: 150,
  /** instructions that a pattern may compile to there, roughly: its length times its repeat counts */
  patternSize: 500,
  /** instructions from which JavaScript's own engine runs a pattern, in the sandbox */
  patternSizeMax: 20_000,
} as const
