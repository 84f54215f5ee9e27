/**
 * The only source of time. Schedules use the database's clock, so that processes whose clocks differ agree. Statements add `offsetMs` to it,
 * which is 0 except in tests that move the time.
 */
export interface Clock {
  now(): Date
  /** what statements add to the database's now(), in ms */
  readonly offsetMs: number
}

/** The clock of the machine. */
export const systemClock: Clock = { now: () => new Date(), offsetMs: 0 }
