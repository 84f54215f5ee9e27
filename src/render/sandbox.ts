/**
 * Runs what callers wrote, and what is not provably cheap, in child processes: slow templates, schemas, patterns. A hostile or careless one
 * delays nothing else. Each task has the CPU time of its call, and each project so much a second; projects take turns, and have one process
 * at a time. A program that exceeded its time or filled the memory is remembered, and refused for a while without being tried again.
 * Worker threads would not do: V8 may end the whole process when the heap of a thread is full.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants, setPriority } from 'node:os'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LRUCache } from 'lru-cache'
import { CarillonError, type ErrorCode, type ErrorDetails, type Problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { createLru } from '../lru.ts'
import type { JsonObject } from '../words.ts'
import type { StoredContent } from './contents.ts'
import { programLimits } from './limits.ts'
import { overBudget, type RenderCall, type SourceText } from './renderer.ts'

/** What a child process is given to do. */
export type SandboxTask =
  | { readonly kind: 'render'; readonly call: RenderCall }
  | {
      readonly kind: 'check'
      readonly schemas: readonly { readonly id: string; readonly schema: JsonObject }[]
      /** `schema`: its index */
      readonly items: readonly { readonly schema: number; readonly data: JsonObject }[]
    }
  | { readonly kind: 'parse'; readonly texts: readonly SourceText[]; readonly schemas: readonly JsonObject[] }
  | { readonly kind: 'variables'; readonly contents: readonly StoredContent[] }

/** An error, in a form that can be sent to another process. */
export interface SandboxFailure {
  readonly code: ErrorCode
  readonly details: ErrorDetails
}
/** The child process's answer to a task. */
export type SandboxAnswer =
  | (Used & { readonly ok: true; readonly result: unknown })
  | (Used & { readonly ok: false; readonly failure: SandboxFailure; readonly isOver: boolean })
interface Used {
  readonly cpuMs: number
  /** the process ends, because something in it was interrupted */
  readonly isTainted: boolean
}
/** The result of one check. `over`: the time of the call ended before it */
export interface CheckResult {
  readonly problem: Problem | null | 'over' | SandboxFailure
  /** the time that was left of the call before it */
  readonly hadMs: number
}

/** The CPU time that is left to one call, for all of its tasks. */
export interface CallBudget {
  leftMs: number
  /** whether tasks wait when the project has used its time of this second; a caller's call is refused instead */
  readonly waits: boolean
}

/** The budget of a new call. */
export const createCallBudget = ({ waits = false }: { readonly waits?: boolean } = {}): CallBudget => ({
  leftMs: programLimits.callMs,
  waits,
})

/** Data to check with a schema. `id`: the same for the same schema */
export interface ToCheck {
  readonly id: string
  readonly schema: JsonObject
  readonly data: JsonObject
}

/**
 * Runs programs in child processes. Every method throws RATE_LIMITED when the project has used its time of this second and the budget does
 * not wait, and OVERLOADED when too many calls of the project wait, or no process can be started.
 */
export interface Sandbox {
  /**
   * Makes a call of a renderer. @returns what the method of the renderer returns
   * @throws CarillonError TEMPLATE_BROKEN when a limit is exceeded
   */
  render(projectId: string, call: RenderCall, budget?: CallBudget): Promise<unknown>
  /** Checks data. @returns the problem of each; `over`: it exceeds the time of the call, or did before */
  check(projectId: string, items: readonly ToCheck[], budget: CallBudget): Promise<(Problem | null | 'over')[]>
  /** Parses texts and compiles schemas. @returns the error of each text and then of each schema; null: it is fine */
  parse(
    projectId: string,
    programs: { readonly texts: readonly SourceText[]; readonly schemas: readonly JsonObject[] },
    budget: CallBudget,
  ): Promise<(CarillonError | null)[]>
  /** Names of the variables that contents use, sorted. @throws CarillonError TEMPLATE_BROKEN when they are too long */
  variables(projectId: string, contents: readonly StoredContent[], budget: CallBudget): Promise<string[]>
  /** Kills the processes. Tasks that wait in the queue are not answered. */
  close(): Promise<void>
}

const START_MS = 10_000
const RETRY_SECONDS = 5
/**
 * The process itself ends what takes too long, and a full heap ends the process: this is for one that does neither, and long enough for a
 * machine that is busy with something else.
 */
const ANSWER_MS = 10_000

interface Waiting {
  readonly task: SandboxTask
  readonly budget: CallBudget
  resolve(answer: SandboxAnswer | null): void
  reject(error: unknown): void
}
interface Worker {
  child: ChildProcess | null
  /** settles when the process that is being started is ready, or can't be; null: none is */
  starting: Promise<void> | null
  projectId: string | null
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // It has ended already, or the system has no priorities.
  }
}

const hash = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('base64')
const errorOf = ({ code, details }: SandboxFailure): CarillonError => new CarillonError(code, details)
const isFailure = (problem: CheckResult['problem']): problem is SandboxFailure =>
  problem !== null && problem !== 'over' && 'details' in problem

/** @param of `now`: monotonic milliseconds. @returns a sandbox whose processes are started when they are needed */
export function createSandbox({ log, now = () => performance.now() }: { readonly log: Log; now?(): number }): Sandbox {
  const queues = new Map<string, Waiting[]>()
  const workers: Worker[] = Array.from({ length: programLimits.processes }, () => ({
    child: null,
    starting: null,
    projectId: null,
  }))
  const refused = new LRUCache<string, { until: number; ms: number }>({ max: programLimits.refusedCount })
  /** the CPU time that projects have left, as of a moment; projects that are not here have all of it */
  const allowances = createLru<{ ms: number; at: number }>({ max: 10_000 })
  let timer: NodeJS.Timeout | null = null
  let isClosed = false

  // A project's messages that wait for a worker do not use up what its calls have.
  const accountOf = (projectId: string, waits: boolean): string => `${projectId} ${waits}`
  function leftOf(account: string): number {
    const { projectMsPerSecond: max } = programLimits
    const { ms, at } = allowances.get(account) ?? { ms: max, at: now() }
    return Math.min(max, ms + ((now() - at) / 1000) * max)
  }
  const charge = (account: string, ms: number): unknown => allowances.set(account, { ms: leftOf(account) - ms, at: now() })
  const waitMsOf = (projectId: string, waits: boolean): number =>
    Math.max(0, (-leftOf(accountOf(projectId, waits)) / programLimits.projectMsPerSecond) * 1000)

  const isRefused = (program: string): boolean => (refused.get(program)?.until ?? 0) > now()
  function refuse(program: string): void {
    const { ms } = refused.get(program) ?? { ms: programLimits.refusedMs / 2 }
    const longer = Math.min(programLimits.refusedMaxMs, ms * 2)
    refused.set(program, { until: now() + longer, ms: longer })
  }

  /**
   * Starts a process with an empty environment and a limited heap. It ends when its IPC channel to this process closes, even by a crash.
   * @throws CarillonError OVERLOADED when it can't be started: that is not the program's fault, and may work later
   */
  async function start(): Promise<ChildProcess> {
    try {
      // TypeScript in a clone, JavaScript in the package.
      const program = new URL(`./sandbox-process${extname(import.meta.filename)}`, import.meta.url)
      const started = fork(fileURLToPath(program), {
        env: {},
        execArgv: [`--max-old-space-size=${programLimits.heapMb}`, '--disable-warning=ExperimentalWarning'],
        serialization: 'advanced',
        // V8 prints a report when the heap is full; that is the program's fault, and not worth logging.
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      })
      // A process that was given up may still emit an error, which would end this process without a listener.
      started.on('error', () => {})
      // What callers wrote waits for what the server has to do, wherever both want the processor.
      if (started.pid !== undefined) lowerPriority(started.pid)
      started.unref()
      started.channel?.unref()
      if ((await answerOf(started, START_MS)) !== null) return started
      started.kill('SIGKILL')
      throw new Error('It ended, or was not ready in time')
    } catch (cause) {
      log.error('The process that renders slow templates could not be started', { error: String(cause) })
      throw new CarillonError('OVERLOADED', { retryAfterSeconds: RETRY_SECONDS, cause })
    }
  }

  /** The next message of a process; null: it did not come in time, or the process ended. */
  function answerOf(from: ChildProcess, withinMs: number): Promise<unknown> {
    return new Promise((resolve) => {
      const done = (answer: unknown): void => {
        clearTimeout(limit)
        from.off('message', done).off('error', failed).off('exit', failed)
        resolve(answer)
      }
      const failed = (): void => done(null)
      const limit = setTimeout(failed, withinMs)
      from.on('message', done).on('error', failed).on('exit', failed)
    })
  }

  async function work(worker: Worker, child: ChildProcess, projectId: string, { task, budget, resolve }: Waiting): Promise<void> {
    const budgetMs = budget.leftMs
    const answered = answerOf(child, Math.max(budgetMs, 1) * programLimits.starvationMax + ANSWER_MS)
    child.send({ task, budgetMs }, () => {})
    const answer = (await answered) as SandboxAnswer | null
    if (answer === null) {
      // A process that hangs can't be used again.
      worker.child = null
      child.kill('SIGKILL')
    } else if (answer.isTainted) worker.child = null
    const usedMs = answer?.cpuMs ?? Math.max(budgetMs, 0)
    budget.leftMs -= usedMs
    charge(accountOf(projectId, budget.waits), usedMs + (worker.child === null ? programLimits.restartMs : 0))
    resolve(answer)
  }

  /** Starts a process where one is missing. What waits does so for whichever is free first. */
  function startFor(worker: Worker): void {
    worker.starting ??= start()
      .then((child) => {
        worker.child = child
        if (isClosed) child.kill('SIGKILL')
      })
      .catch((error) => {
        if (workers.some((one) => isReady(one) || one.projectId !== null)) return
        for (const waiting of [...queues.values()].flat()) waiting.reject(error)
        queues.clear()
      })
      .finally(() => {
        worker.starting = null
        next()
      })
  }
  const isReady = ({ child }: Worker): boolean => child?.connected === true

  /** The first task of a project that may run now. What callers wait for comes first. @returns its index; -1: none may */
  function firstOf(projectId: string): number {
    if (workers.some((worker) => worker.projectId === projectId)) return -1
    const queue = queues.get(projectId) ?? []
    const asked = queue.findIndex(({ budget }) => !budget.waits)
    if (asked !== -1) return asked
    return waitMsOf(projectId, true) > 0 ? -1 : 0
  }

  /** The first project that may use a process now, after which it goes to the end of the queue: other projects come first. */
  function nextTask(): { readonly projectId: string; readonly waiting: Waiting } | null {
    for (const [projectId, queue] of queues) {
      const index = firstOf(projectId)
      if (index === -1) continue
      const [waiting] = queue.splice(index, 1)
      queues.delete(projectId)
      if (queue.length > 0) queues.set(projectId, queue)
      if (waiting !== undefined) return { projectId, waiting }
    }
    return null
  }

  function next(): void {
    if (isClosed) return
    for (const worker of workers) {
      const { child } = worker
      if (worker.projectId !== null || child?.connected !== true) continue
      const found = nextTask()
      if (found === null) break
      const { projectId, waiting } = found
      worker.projectId = projectId
      void work(worker, child, projectId, waiting)
        .catch(waiting.reject)
        .finally(() => {
          worker.projectId = null
          next()
        })
    }
    const idle = workers.find((worker) => worker.projectId === null && !isReady(worker))
    if (idle !== undefined && [...queues.keys()].some((projectId) => firstOf(projectId) !== -1)) startFor(idle)
    // Projects that have used their time of this second wait for the next one.
    const waits = [...queues.keys()].map((projectId) => waitMsOf(projectId, true)).filter((ms) => ms > 0)
    if (timer !== null || waits.length === 0) return
    timer = setTimeout(
      () => {
        timer = null
        next()
      },
      Math.min(...waits) + 1,
    )
    timer.unref()
  }

  /** @returns the answer; null: the process was killed, because it did not answer or its memory was full */
  function run(projectId: string, task: SandboxTask, budget: CallBudget): Promise<SandboxAnswer | null> {
    const waitMs = budget.waits ? 0 : waitMsOf(projectId, false)
    if (waitMs > 0) {
      throw new CarillonError('RATE_LIMITED', {
        max: programLimits.projectMsPerSecond,
        retryAfterSeconds: Math.ceil(waitMs / 1000),
        message:
          `The templates and schemas of the project have used their ${programLimits.projectMsPerSecond} ms of CPU time a second. ` +
          'Simplify them, or send less at a time.',
      })
    }
    const queue = queues.get(projectId) ?? []
    const max = budget.waits ? programLimits.waitingPerProject : programLimits.callsWaitingPerProject
    if (queue.filter((one) => one.budget.waits === budget.waits).length >= max) {
      throw new CarillonError('OVERLOADED', { retryAfterSeconds: RETRY_SECONDS })
    }
    return new Promise((resolve, reject) => {
      queue.push({ task, budget, resolve, reject })
      queues.set(projectId, queue)
      next()
    })
  }

  return {
    async render(projectId, call, budget = createCallBudget({ waits: true })) {
      // The same texts with other data are the same program.
      const program = `${projectId} ${hash(call.args.map((arg, index) => (index === scopeAt[call.method] ? null : arg)))}`
      if (isRefused(program)) throw overBudget('A text that took too long before')
      const hadMs = budget.leftMs
      const answer = await run(projectId, { kind: 'render', call }, budget)
      if (answer?.ok === true) return answer.result
      if (answer === null || (answer.isOver && hadMs > programLimits.callMs / 2)) refuse(program)
      throw answer === null ? overBudget('A text') : errorOf(answer.failure)
    },
    async check(projectId, items, budget) {
      const programOf = ({ id }: ToCheck): string => `${projectId} ${id}`
      const tried = items.filter((item) => !isRefused(programOf(item)))
      const schemas = [...new Map(tried.map(({ id, schema }) => [id, { id, schema }])).values()]
      const indexes = new Map(schemas.map(({ id }, index) => [id, index]))
      const task: SandboxTask = {
        kind: 'check',
        schemas,
        items: tried.map(({ id, data }) => ({ schema: indexes.get(id) ?? 0, data })),
      }
      const answer = tried.length === 0 ? null : await run(projectId, task, budget)
      if (answer !== null && !answer.ok) throw errorOf(answer.failure)
      const results = new Map<ToCheck, CheckResult['problem']>()
      const found = (answer?.result ?? []) as CheckResult[]
      tried.forEach((item, index) => {
        const { problem, hadMs } = found[index] ?? { problem: 'over' as const, hadMs: programLimits.callMs }
        // One of many that used up the time together is not at fault.
        if (problem === 'over' && hadMs > programLimits.callMs / 2) refuse(programOf(item))
        results.set(item, problem)
      })
      return items.map((item) => {
        const problem = results.has(item) ? (results.get(item) ?? null) : 'over'
        if (isFailure(problem)) throw errorOf(problem)
        return problem
      })
    },
    async parse(projectId, { texts, schemas }, budget) {
      const answer = await run(projectId, { kind: 'parse', texts, schemas }, budget)
      if (answer?.ok === true)
        return (answer.result as (SandboxFailure | null)[]).map((one) => (one === null ? null : errorOf(one)))
      throw answer === null ? overBudget('A text or schema') : errorOf(answer.failure)
    },
    async variables(projectId, contents, budget) {
      const answer = await run(projectId, { kind: 'variables', contents }, budget)
      if (answer?.ok === true) return answer.result as string[]
      throw answer === null ? overBudget('The template') : errorOf(answer.failure)
    },
    async close() {
      isClosed = true
      if (timer !== null) clearTimeout(timer)
      await Promise.all(workers.map((worker) => worker.starting))
      for (const { child } of workers) child?.kill('SIGKILL')
    },
  }
}

/** Which argument of a renderer's method is the scope. */
const scopeAt = { inApp: 1, email: 1, sms: 1, push: 1, chat: 2, text: 2, json: 2 } as const satisfies Record<
  RenderCall['method'],
  number
>
