/** Whether the process lives, and whether it can do its work. */
import type { ServerResponse } from 'node:http'
import { sendJson } from './respond.ts'

/** Something that must be there for work to be done. `check` rejects when it is away. */
export interface Check {
  readonly name: string
  check(): Promise<unknown>
}

/** How long a check may take. */
const TIMEOUT_MS = 2_000

/** 200 as long as the process answers. */
export const sendHealth = (response: ServerResponse): void => sendJson(response, 200, { status: 'ok' })

/** 200 when all are there; 503 names those that are away. */
export async function sendReadiness(response: ServerResponse, checks: readonly Check[], isDraining: boolean): Promise<void> {
  const answers = await Promise.all(checks.map(async (check) => ((await isThere(check)) ? null : check.name)))
  const away = answers.filter((name) => name !== null)
  if (isDraining) return sendJson(response, 503, { status: 'stopping', away })
  if (away.length > 0) return sendJson(response, 503, { status: 'unavailable', away })
  sendJson(response, 200, { status: 'ready' })
}

async function isThere({ check }: Check): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), TIMEOUT_MS)
  })
  try {
    return await Promise.race([check().then(() => true), late])
  } catch {
    // Why it is away is in the log of the part that lost it.
    return false
  } finally {
    clearTimeout(timer)
  }
}
