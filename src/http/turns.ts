/**
 * The turns of operations: so many are executed at a time, and the others wait. Projects have their turns one after the other, and in a
 * project its backend and its contacts, and each of its contacts. So a queue is that of the project that made it: one that floods the server
 * waits for itself.
 *
 * An operation that only waits for something (a transaction, a vendor) pauses its turn. None waits for a turn while it has one, so they
 * can't wait for each other.
 */
import { createFairQueue } from '../carillon.ts'
import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import type { TurnLimits } from './limits.ts'

/** The turn of one operation. */
export interface Turn {
  /** Does something that only waits; others have their turn meanwhile. */
  pause<T>(work: () => Promise<T>): Promise<T>
  /**
   * Gives the turn up and waits for one of the few for operations that cost much. Call it before anything is done.
   * @throws CarillonError OVERLOADED when it has waited for too long
   */
  grow(): Promise<void>
}

/** All turns of a process. */
export interface Turns {
  /**
   * Does the work of one operation when it is its turn.
   * @throws CarillonError OVERLOADED with `retryAfterSeconds` when too many wait, or it waited for too long; nothing was done then
   */
  run<T>(caller: Caller, remoteAddress: string, work: (turn: Turn) => Promise<T>): Promise<T>
  /** operations that are executed now, those that are paused not included */
  running(): number
  waiting(): number
}

/** What `createTurns` needs. */
export interface TurnDeps {
  readonly limits: TurnLimits & { readonly operationsInFlight: number }
  /** Runs work for a project, or for nobody: everything that it waits for is shared out by project. */
  runFor<T>(projectId: string, work: () => Promise<T>): Promise<T>
  /** monotonic milliseconds */
  now?(): number
  /** calls after the events that are waiting now, or after some milliseconds */
  later?(call: () => void, ms?: number): void
}

/** A branch of callers may have this many times the turns that are left free: one alone three in four, two three in seven each. */
const SHARE = 3

interface Waiting {
  readonly path: readonly string[]
  begin(): void
}

/** Counts by name; a count of 0 takes no memory. */
function createCounts() {
  const counts = new Map<string, number>()
  return {
    of: (name: string | undefined): number => (name === undefined ? 0 : (counts.get(name) ?? 0)),
    add(names: readonly string[], by: 1 | -1): void {
      for (const name of names) {
        const next = (counts.get(name) ?? 0) + by
        if (next === 0) counts.delete(name)
        else counts.set(name, next)
      }
    },
  }
}

/** The branch of a caller: its project, whether it is a contact, and which; a caller without a credential is its address. */
function pathOf(caller: Caller, remoteAddress: string): readonly string[] {
  if (caller.kind === 'operator') return ['operator']
  if (caller.kind === 'none') return ['', '/contacts', `/address/${remoteAddress}`]
  const { id } = caller.project
  return caller.kind === 'contact' ? [id, `${id}/contacts`, `${id}/${caller.contactId}`] : [id, `${id}/keys`]
}

/** How long operations rest after they have held up everything else: a part of the time that they did, and at most so many ms. */
const REST = { part: 0.25, maxMs: 5 } as const

const laterByTimer = (call: () => void, ms = 0): void => {
  if (ms === 0) setImmediate(call)
  else setTimeout(call, ms)
}

/** Everything that can go on without an event has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

/** So many at a time, in the order of a fair queue. */
interface Gate {
  /** @param patienceMs null: as long as it takes @throws CarillonError OVERLOADED when it takes longer */
  enter(path: readonly string[], patienceMs: number | null): Promise<void> | null
  /** Enters without regard to shares, if nobody waits. @returns whether it has entered */
  enterAgain(path: readonly string[]): boolean
  leave(path: readonly string[]): void
  running(): number
  waiting(): number
}

interface GateDeps {
  readonly running: number
  /** how many of a branch may be running, by the depth of its path */
  maxOf(path: readonly string[], free: number): number
  /** whether another one may begin now; calls `again` when one may */
  mayBegin(again: () => void): boolean
  later(call: () => void): void
  now(): number
}

function createGate({ running: max, maxOf, mayBegin, later, now }: GateDeps): Gate {
  const queue = createFairQueue<Waiting>()
  /** names of branches are unique, so one map counts all levels */
  const runningOf = createCounts()
  let running = 0
  let isPumpSet = false

  const isOpen = (path: readonly string[]): boolean => runningOf.of(path.at(-1)) < maxOf(path, max - running)
  const mayRun = (path: readonly string[]): boolean =>
    running < max && path.every((_name, index) => isOpen(path.slice(0, index + 1)))
  const begin = (path: readonly string[]): void => {
    running += 1
    runningOf.add(path, 1)
  }
  const setPump = (): void => {
    if (isPumpSet || queue.size === 0) return
    isPumpSet = true
    later(() => void pump())
  }
  /** Begins operations, one after the other: what one does at once happens before the next begins. */
  async function pump(): Promise<void> {
    while (queue.size > 0 && running < max && mayBegin(setPump)) {
      const next = queue.take(isOpen)
      if (next === undefined) break
      const began = now()
      next.begin()
      await settled()
      // Turns are shared out by time: who holds the process up for longer has fewer of them.
      queue.charge(next.path, now() - began)
    }
    isPumpSet = false
  }

  return {
    enter(path, patienceMs) {
      if (queue.size === 0 && mayRun(path) && mayBegin(setPump)) {
        begin(path)
        return null
      }
      return new Promise((resolve, reject) => {
        const entry: Waiting = {
          path,
          begin() {
            clearTimeout(timer)
            begin(path)
            resolve()
          },
        }
        const giveUp = (): void => {
          if (queue.remove(path, entry)) reject(overloaded(max, max + 1))
        }
        const timer = patienceMs === null ? undefined : setTimeout(giveUp, patienceMs)
        queue.add(path, entry)
        setPump()
      })
    },
    enterAgain(path) {
      if (queue.size > 0 || running >= max) return false
      begin(path)
      return true
    },
    leave(path) {
      running -= 1
      runningOf.add(path, -1)
      setPump()
    },
    running: () => running,
    waiting: () => queue.size,
  }
}

const overloaded = (max: number, got: number): CarillonError =>
  new CarillonError('OVERLOADED', { retryAfterSeconds: 1, max: Math.max(0, Math.floor(max)), got })

const isOfContacts = (path: readonly string[]): boolean => path[1]?.endsWith('/contacts') === true

/** Creates the turns of a process. */
export function createTurns({ limits, runFor, now = () => performance.now(), later = laterByTimer }: TurnDeps): Turns {
  const inFlightOf = createCounts()
  let inFlight = 0
  let sliceBegan: number | null = null
  const waitingForSlice = new Set<() => void>()

  /** Parsing and validating never wait, so many operations that begin together would hold up everything else. */
  const mayBegin = (again: () => void): boolean => {
    const at = now()
    if (sliceBegan === null) {
      sliceBegan = at
      later(() => {
        const heldMs = now() - at
        if (heldMs <= limits.sliceMs || waitingForSlice.size === 0) return endSlice()
        // Others are served by the events that come meanwhile: answers of the database, new requests.
        later(endSlice, Math.min(heldMs * REST.part, REST.maxMs))
      })
      return true
    }
    if (at - sliceBegan < limits.sliceMs) return true
    waitingForSlice.add(again)
    return false
  }
  const endSlice = (): void => {
    sliceBegan = null
    const waiting = [...waitingForSlice]
    waitingForSlice.clear()
    for (const again of waiting) again()
  }

  const light = createGate({
    running: limits.running,
    maxOf(path, free) {
      if (path.length === 1) return SHARE * free
      if (path.length === 3) return limits.runningOfContact
      return isOfContacts(path) ? limits.runningOfContacts : limits.running
    },
    mayBegin,
    later,
    now,
  })
  const heavy = createGate({
    running: limits.heavy,
    maxOf: (path) => (path.length === 1 || !isOfContacts(path) ? limits.heavyOfProject : limits.heavyOfContacts),
    mayBegin,
    later,
    now,
  })

  /** @throws CarillonError OVERLOADED when the branch has its share of what may be in flight: some of it is always left for others */
  const assertRoom = (path: readonly string[]): void => {
    const left = limits.operationsInFlight - inFlight
    path.forEach((name, index) => {
      const own = inFlightOf.of(name)
      const max = index === 0 ? left : index === 1 ? left / 2 : limits.perContact
      const isLimited = index === 0 || name.endsWith('/contacts') || index === 2
      if (isLimited && own >= max) throw overloaded(max, own + 1)
    })
  }

  return {
    async run(caller, remoteAddress, work) {
      const path = pathOf(caller, remoteAddress)
      assertRoom(path)
      inFlight += 1
      inFlightOf.add(path, 1)
      let gate = light
      let isIn = false
      const enter = async (patienceMs: number | null): Promise<void> => {
        const entering = gate.enter(path, patienceMs)
        if (entering !== null) await entering
        isIn = true
      }
      const leave = (): void => {
        if (isIn) gate.leave(path)
        isIn = false
      }
      const turn: Turn = {
        async pause(waiting) {
          leave()
          try {
            return await waiting()
          } finally {
            // It has been accepted, and is never refused from here on.
            isIn = gate.enterAgain(path)
            if (!isIn) await enter(null)
          }
        },
        async grow() {
          if (gate === heavy) return
          leave()
          gate = heavy
          await enter(limits.waitMs)
        },
      }
      try {
        await enter(limits.waitMs)
        return await runFor(path[0] ?? '', () => work(turn))
      } finally {
        leave()
        inFlight -= 1
        inFlightOf.add(path, -1)
      }
    },
    running: () => light.running() + heavy.running(),
    waiting: () => light.waiting() + heavy.waiting(),
  }
}
