/** `/health` and `/ready`: whether the process is alive, and whether it can do its work. */
import { createFresh } from './fresh.ts'
import { connectionLimits } from './limits.ts'
import { jsonReply, type PublicRoute } from './route.ts'

/** A dependency. `check` rejects while it is unavailable. */
export interface Check {
  readonly name: string
  check(): Promise<unknown>
}

/** How long a check may take. */
const TIMEOUT_MS = 2_000

/**
 * Creates the routes. `/ready` answers 503 with the names of the unavailable dependencies, and while the server drains. It runs one check
 * at a time, and a few a second: further requests get the last answer.
 */
export function createHealthRoutes(checks: readonly Check[], isDraining: () => boolean): PublicRoute[] {
  const findAway = async (): Promise<string[]> => {
    const names = await Promise.all(checks.map(async (check) => ((await isAvailable(check)) ? null : check.name)))
    return names.filter((name) => name !== null)
  }
  const lookUp = createFresh(findAway, connectionLimits.freshReadsPerSecond, connectionLimits.freshReads)
  const ready = async () => {
    const away = await lookUp()
    if (isDraining()) return jsonReply(503, { status: 'stopping', away })
    if (away.length > 0) return jsonReply(503, { status: 'unavailable', away })
    return jsonReply(200, { status: 'ready' })
  }
  const healthy = () => jsonReply(200, { status: 'ok' })
  const route = (path: string, handle: PublicRoute['handle']): PublicRoute => ({ method: 'GET', path, auth: 'none', handle })
  // The others are what Kubernetes calls them.
  return [
    ...['/health', '/healthz', '/livez'].map((path) => route(path, healthy)),
    ...['/ready', '/readyz'].map((path) => route(path, ready)),
  ]
}

async function isAvailable({ check }: Check): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), TIMEOUT_MS)
  })
  try {
    return await Promise.race([check().then(() => true), late])
  } catch {
    // The part that uses the dependency has logged why.
    return false
  } finally {
    clearTimeout(timer)
  }
}
