/** Sources of events that can be asked for what is there, which costs no promise for each event. */

/** Who reads a source by polling it. */
export interface PollingReader {
  /** There is something to poll again. */
  ready(): void
  /** Nothing more comes; called once, with the error if that is why. */
  ended(error: unknown): void
}

/** Read it either as an iterator, or with `poll`. */
export interface Polled<T> extends AsyncIterableIterator<T> {
  /** Begins the reading with `poll`. */
  begin(reader: PollingReader): void
  /** The next event; undefined: there is none now. The reader has received the one before. */
  poll(): T | undefined
}

/** Whether a source of events can be polled. */
export const isPolled = <T>(source: AsyncIterable<T>): source is Polled<T> => 'poll' in source && 'begin' in source
