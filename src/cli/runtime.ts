/**
 * How Node runs the server: with a heap that fits into the memory there is, and with compiled modules that are kept for the next start. It
 * imports nothing of the server's, because it runs before all else, and possibly twice.
 */
import { accessSync, constants } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Call } from './verb.ts'

/** Sizes of V8's heap, MB. */
export interface Heap {
  /** of what lives long */
  readonly oldMb: number
  /** of each half of what was just made: what a busy worker has in hand should fit, or all of it is copied several times */
  readonly youngMb: number
}

const MB = 1_024 * 1_024
/** A live heap of more than this would take seconds to collect: then it is time for another process. */
const OLD_MAX_MB = 2_048
const OLD_MIN_MB = 96

/** The heap for so many bytes of memory: half of it. The other half is for Node itself, buffers, sockets, and the sandbox. */
export function heapFor(bytes: number): Heap {
  const mb = Math.floor(bytes / MB)
  return {
    oldMb: Math.min(OLD_MAX_MB, Math.max(OLD_MIN_MB, Math.floor(mb / 2))),
    youngMb: mb >= 8_000 ? 32 : mb >= 4_000 ? 16 : mb >= 1_000 ? 8 : mb >= 400 ? 4 : 2,
  }
}

/** The flags of a heap. */
export const heapFlags = ({ oldMb, youngMb }: Heap): string[] => [
  `--max-old-space-size=${oldMb}`,
  `--max-semi-space-size=${youngMb}`,
]

/** The memory that this process may use: the machine's, or less where a container or a service is limited (cgroups, v1 and v2). */
const availableBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)

const HEAP_FLAG = /(^|\s)["']?--max[-_](old[-_]space[-_]size|semi[-_]space[-_]size|heap[-_]size)/

/** Beside the packages: a user who can write there can change the code as well. Where this process can not, nothing is kept. */
const keptModules = join(import.meta.dirname, '../../node_modules/.cache/carillon')

const isServer = ([first]: readonly string[]): boolean => first === undefined || first === 'start' || first.startsWith('-')

/**
 * Runs this program again, in the same process and with the same arguments, with the heap's flags: V8 reads them only when it starts, which
 * takes some 25 ms. It does not return then. It returns at once where an operator has chosen a heap (NODE_OPTIONS), for other verbs, and
 * where a process can't be replaced (Windows).
 */
export function prepareRuntime(args: readonly string[], env: Call['env']): void {
  const isChosen = HEAP_FLAG.test([...process.execArgv, env['NODE_OPTIONS'] ?? ''].join(' '))
  const [program = '', ...given] = process.argv.slice(1)
  // The channel to a parent process would be lost.
  const canReplace = process.execve !== undefined && process.platform !== 'win32' && process.channel === undefined
  if (isServer(args) && !isChosen && canReplace) {
    const flags = heapFlags(heapFor(availableBytes()))
    const kept = env['NODE_COMPILE_CACHE'] ?? keptModules
    try {
      // Some versions of Node end where the program can't be replaced, instead of throwing.
      accessSync(process.execPath, constants.X_OK)
      process.execve?.(
        process.execPath,
        [process.argv0, ...process.execArgv, ...flags, program, ...given],
        Object.fromEntries(
          Object.entries({ ...env, NODE_COMPILE_CACHE: kept }).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, value] as const],
          ),
        ),
      )
    } catch {
      // A system that forbids it: the server runs with V8's own sizes.
    }
  }
  enableCompileCache(keptModules)
}
