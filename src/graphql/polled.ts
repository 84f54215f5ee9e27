/** Sources of events that can be asked for what is there, which costs no promise for each event. */

/** Read it either as an iterator, or with `poll`. */
export interface Polled<T> extends AsyncIterableIterator<T> {
  /**
   * Begins the reading with `poll`.
   * @param onReady is called when there is something to poll again
   * @param onEnd is called once, when nothing more comes, with the error if that is why
   */
  begin(onReady: () => void, onEnd: (error: unknown) => void): void
  /** The next event; undefined: there is none now. The reader has received the one before. */
  poll(): T | undefined
}

/** Whether a source of events can be polled. */
export const isPolled = <T>(source: AsyncIterable<T>): source is Polled<T> => 'poll' in source && 'begin' in source
