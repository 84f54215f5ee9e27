/** What asks the server to end: a signal, or the end of the npm that runs it. */
import { readFileSync, readlinkSync } from 'node:fs'
import type { Call } from './verb.ts'

/** How often the processes above are looked at. */
const LOOK_MS = 250
/** Ctrl-C reaches the server twice under npm: from the terminal, and from npm. Within this time, both are one. */
const SAME_PRESS_MS = 1_000
/** The scripts of npm that are the server: `npm start`, and `npx carillon`. */
const scripts: readonly unknown[] = ['start', 'npx']

/**
 * Calls `end` once when the server is to end. Call it before anything is started: the first process of a container is not ended by a
 * signal that it does not listen to. A signal that comes again after a second ends the process as it would any other.
 */
export function listenForEnding(env: Call['env'], end: (reason: string) => void): void {
  let isEnding = false
  const begin = (reason: string): void => {
    if (isEnding) return
    isEnding = true
    clearInterval(timer)
    setTimeout(() => {
      for (const signal of signals) process.off(signal, begin)
    }, SAME_PRESS_MS).unref()
    end(reason)
  }
  const signals = ['SIGTERM', 'SIGINT'] as const
  for (const signal of signals) process.on(signal, begin)
  const isUnderNpm = scripts.includes(env['npm_lifecycle_event'])
  const above = isUnderNpm ? upToNpm(env) : ''
  // An npm that is killed, or a shell of its that is ended by the signal it should have passed on, leaves the server without anybody who
  // could stop it.
  const look = (): void => {
    if (upToNpm(env) !== above) begin('npm ended')
  }
  const timer = isUnderNpm ? setInterval(look, LOOK_MS).unref() : undefined
}

/** The processes between this one and npm, npm included: another text once one of them has ended. */
function upToNpm({ npm_node_execpath: npm }: Call['env']): string {
  const { ppid } = process
  try {
    if (readlinkSync(`/proc/${ppid}/exe`) === npm) return String(ppid)
    // A shell that did not make way for its only command. Its state and its parent follow its name, which is in parentheses.
    const [, parent = ''] = readFileSync(`/proc/${ppid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return `${ppid} ${parent}`
  } catch {
    // There is no /proc, or it is not ours to read.
    return String(ppid)
  }
}
