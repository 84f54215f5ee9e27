/**
 * Renders heavy texts in a process of their own, so that a hostile or a careless template holds up nobody: a call that takes longer than
 * its limit, or more memory, ends with its process. Not in a thread: V8 ends the whole process when a thread's heap is full at an
 * unlucky moment. Projects take turns; what was stopped, with the same data, is refused for a while without being tried.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { LRUCache } from 'lru-cache'
import { CarillonError, type ErrorCode } from '../errors.ts'
import type { Log } from '../log.ts'
import type { RenderCall } from './heavy.ts'
import { renderLimits } from './liquid.ts'

/** What the process answers. */
export type AsideAnswer =
  | { readonly ok: true; readonly said: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string }

/** The other renderer. */
export interface Aside {
  /**
   * Renders. @returns what the renderer's method of that name does
   * @throws CarillonError TEMPLATE_BROKEN when a limit is passed; OVERLOADED when too many of the project wait, or no process can be
   *   started
   */
  render(projectId: string, call: RenderCall): Promise<unknown>
  close(): Promise<void>
}

/** On top of a text's own limit: several texts of one content, and the way to the process and back. */
const CALL_MS = 2 * renderLimits.renderMs
const START_MS = 10_000
/** Several times what a text may use: what earlier ones used may not be collected yet. */
const HEAP_MB = 256
/** of one project */
const WAITING_MAX = 500
const RETRY_SECONDS = 5
const REFUSED_MS = 60_000
const REFUSED_MAX = 1_000

interface Task {
  readonly call: RenderCall
  readonly key: string
  resolve(said: unknown): void
  reject(error: unknown): void
}

const stopped = (): CarillonError =>
  new CarillonError('TEMPLATE_BROKEN', {
    message: `The template could not be rendered: it takes more than ${renderLimits.renderMs} ms, or too much memory.`,
  })

/** Makes it at rest: the first heavy text starts the process. */
export function createAside({ log }: { readonly log: Log }): Aside {
  const queues = new Map<string, Task[]>()
  const refused = new LRUCache<string, true>({ max: REFUSED_MAX, ttl: REFUSED_MS })
  let child: Promise<ChildProcess> | null = null
  let isBusy = false
  let isClosed = false

  /**
   * Nothing of a caller's environment is handed on, and its heap is its own. It ends with the line to this process, however that ends.
   * @throws CarillonError OVERLOADED when none can be started: nothing is wrong with the text, which may be rendered later
   */
  async function start(): Promise<ChildProcess> {
    try {
      const started = fork(fileURLToPath(new URL('./aside-process.ts', import.meta.url)), {
        env: {},
        execArgv: [`--max-old-space-size=${HEAP_MB}`, '--disable-warning=ExperimentalWarning'],
        serialization: 'advanced',
        // What V8 says when the heap is full is the template's fault, and no news.
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      })
      // A process that was given up may still say why it ends: with nobody to hear it, that would end this one.
      started.on('error', () => {})
      started.unref()
      started.channel?.unref()
      if ((await answerOf(started, START_MS)) !== null) return started
      started.kill('SIGKILL')
      throw new Error('It ended, or was not ready in time')
    } catch (cause) {
      log.error('The process that renders heavy texts could not be started', { error: String(cause) })
      throw new CarillonError('OVERLOADED', { retryAfterSeconds: RETRY_SECONDS, cause })
    }
  }

  /** The next message of a process; null: it did not come in time, or the process ended. */
  function answerOf(from: ChildProcess, withinMs: number): Promise<unknown> {
    return new Promise((resolve) => {
      const done = (answer: unknown): void => {
        clearTimeout(timer)
        from.off('message', done).off('error', failed).off('exit', failed)
        resolve(answer)
      }
      const failed = (): void => done(null)
      const timer = setTimeout(failed, withinMs)
      from.on('message', done).on('error', failed).on('exit', failed)
    })
  }

  async function work({ call, key, resolve, reject }: Task): Promise<void> {
    child ??= start()
    let other = await child
    // Whatever ended it while it had nothing to do says nothing about this text.
    if (!other.connected) {
      child = start()
      other = await child
    }
    const answered = answerOf(other, CALL_MS)
    other.send(call, () => {})
    const answer = (await answered) as AsideAnswer | null
    if (answer === null) {
      // Where it hangs it hangs for ever: the next call has a process of its own.
      child = null
      other.kill('SIGKILL')
      refused.set(key, true)
      reject(stopped())
    } else if (answer.ok) resolve(answer.said)
    else reject(new CarillonError(answer.code, { message: answer.message }))
  }

  function next(): void {
    if (isBusy || isClosed) return
    const [entry] = queues
    if (entry === undefined) return
    const [projectId, queue] = entry
    const task = queue.shift()
    queues.delete(projectId)
    // To the end of the line: the others' turn comes first.
    if (queue.length > 0) queues.set(projectId, queue)
    if (task === undefined) return
    isBusy = true
    void work(task)
      .catch((error) => {
        child = null
        task.reject(error)
      })
      .finally(() => {
        isBusy = false
        next()
      })
  }

  return {
    async render(projectId, call) {
      const key = createHash('sha256')
        .update(JSON.stringify([projectId, call]))
        .digest('base64')
      if (refused.has(key)) throw stopped()
      if ((queues.get(projectId)?.length ?? 0) >= WAITING_MAX)
        throw new CarillonError('OVERLOADED', { retryAfterSeconds: RETRY_SECONDS })
      return new Promise((resolve, reject) => {
        queues.set(projectId, [...(queues.get(projectId) ?? []), { call, key, resolve, reject }])
        next()
      })
    },
    async close() {
      isClosed = true
      const last = await child?.catch(() => null)
      last?.kill('SIGKILL')
    },
  }
}
