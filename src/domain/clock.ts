/**
 * The one source of time. Schedules follow the database's clock, so that processes whose clocks differ agree:
 * statements take `offsetMs`, which is 0 except where a test moves time.
 */
export interface Clock {
  now(): Date
  /** what a statement adds to the database's now(), ms */
  readonly offsetMs: number
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => new Date(), offsetMs: 0 }
