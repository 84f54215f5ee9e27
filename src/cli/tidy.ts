/** What a server does with a calm moment after a busy one: it gives memory back, and keeps what it compiled for the next start. */
import { flushCompileCache } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const EVERY_MS = 2_000
/** After a start it is known what was busy, and that it does not come back. */
const EVERY_AT_START_MS = 1_000
/** Shares of a core. In between, the server is neither busy nor calm. */
const BUSY = 0.2
const CALM = 0.03
/** Nothing else runs for as long as it takes, a tenth to a quarter of a second: not in the pauses of a load that comes and goes. */
const GAP_MS = 30_000
/** A larger heap would take longer. */
const HEAP_MAX_BYTES = 256 * 1_024 * 1_024

/** V8's collector, which it shows to contexts that are made while a flag is set. */
function findCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc')
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}

/**
 * Begins to look for calm moments, for as long as the process runs. V8 collects when memory is needed, so without this a server that has done
 * its work keeps the memory that the work took until there is more to do: tens of megabytes after a start, hundreds after a load.
 */
export function tidyWhenCalm(): void {
  const collect = findCollector()
  /** it was busy since it was tidied; a start is */
  let wasBusy = true
  let tidiedAt = Number.NEGATIVE_INFINITY
  let before = process.cpuUsage()
  const everyMs = (): number => (tidiedAt === Number.NEGATIVE_INFINITY ? EVERY_AT_START_MS : EVERY_MS)
  const look = (): void => {
    const { user, system } = process.cpuUsage(before)
    const share = (user + system) / 1_000 / everyMs()
    wasBusy ||= share > BUSY
    if (wasBusy && share < CALM && performance.now() - tidiedAt > GAP_MS) {
      wasBusy = false
      tidiedAt = performance.now()
      flushCompileCache()
      // Unlike an ordinary collection, it gives the pages that are free to the system at once.
      if (process.memoryUsage().heapUsed < HEAP_MAX_BYTES) collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    }
    // What this took is no work.
    before = process.cpuUsage()
    lookLater()
  }
  const lookLater = (): void => void setTimeout(look, everyMs()).unref()
  lookLater()
}
