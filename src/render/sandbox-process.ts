/**
 * The program of a sandbox's child process: it runs what callers wrote, one task at a time, within the CPU time of the task. It is killed
 * when it fills its memory or does not answer.
 */
import { Script } from 'node:vm'
import { LRUCache } from 'lru-cache'
import { CarillonError, isStackOverflow } from '../errors.ts'
import type { JsonObject } from '../words.ts'
import { createHtmlText, needsText } from './html-text.ts'
import { programLimits } from './limits.ts'
import type { Meter } from './meter.ts'
import { createRenderer, overBudget, type RenderCall, type Renderer } from './renderer.ts'
import type { CheckResult, SandboxAnswer, SandboxFailure, SandboxTask } from './sandbox.ts'
import { createSchemaCompiler, drafts, type SchemaCheck } from './schema.ts'

let deadline = 0
/** CPU time of this thread, ms: the clock runs on while a busy machine does something else. */
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

const UNITS_PER_LOOK = 100
/** An allowance that ends with the CPU time of the task. */
function meterOf(): Meter {
  let units = 0
  let isSpent = false
  return {
    spend(count) {
      units += count
      if (units >= UNITS_PER_LOOK) {
        units = 0
        isSpent ||= cpuMs() > deadline
      }
      return !isSpent
    },
    isSpent: () => isSpent,
    spent: () => units,
  }
}
const htmlText = createHtmlText()
const renderer = createRenderer({ meterOf, htmlText })
const compiler = createSchemaCompiler()
const checks = new LRUCache<string, SchemaCheck>({ max: 200, maxSize: 4_000_000 })

const given: { step: (() => unknown) | null } = { step: null }
Object.defineProperty(globalThis, 'runStep', { value: () => given.step?.() })
// What hangs within a single call is interrupted by the time limit of a script.
const script = new Script('runStep()')

/** A script that was interrupted, which is thrown where `instanceof` may not work. */
const isInterrupted = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'

const OVER = Symbol('over')
let ranOut = false
/** Something was interrupted where it may have left its own state half made: another process goes on. */
let isTainted = false
function over(): typeof OVER {
  ranOut = true
  return OVER
}
/**
 * Runs a step until it ends or the CPU time of the task does. It begins again after an interruption that came too soon, because the process
 * was starved of CPU time: it has no effects. The next time it is given as much longer by the clock as it was starved.
 */
function run<T>(step: () => T): T | typeof OVER {
  let starvation = 1
  for (let attempt = 1; ; attempt++) {
    const usedBefore = cpuMs()
    const left = deadline - usedBefore
    if (left <= 1) return over()
    given.step = step
    const timeout = Math.ceil(left * starvation)
    try {
      return script.runInThisContext({ timeout }) as T
    } catch (error) {
      if (isStackOverflow(error))
        throw new CarillonError('TEMPLATE_BROKEN', { message: 'It is nested too deeply.', cause: error })
      if (!isInterrupted(error)) throw error
      isTainted = true
      if (attempt >= programLimits.patience) return over()
      starvation = Math.min(programLimits.starvationMax, Math.max(1, timeout / Math.max(1, cpuMs() - usedBefore)))
    }
  }
}

const failure = (error: unknown): SandboxFailure => {
  if (!(error instanceof CarillonError)) {
    return { code: 'TEMPLATE_BROKEN', details: { message: error instanceof Error ? error.message : String(error) } }
  }
  const { cause: _cause, ...details } = error.details
  return { code: error.code, details: { ...details, message: error.message } }
}

function render({ method, args }: RenderCall): unknown {
  const call = renderer[method] as (...all: typeof args) => unknown
  const rendered = run(() => call(...args))
  if (rendered === OVER) throw overBudget(typeof args[0] === 'string' ? args[0] : 'A text')
  return rendered
}

function check({ schemas, items }: Extract<SandboxTask, { kind: 'check' }>): CheckResult[] {
  return items.map(({ schema: index, data }) => {
    const hadMs = deadline - cpuMs()
    const { id, schema } = schemas[index] ?? { id: '', schema: {} as JsonObject }
    try {
      const problem = run(() => {
        const known = checks.get(id)
        const compiled = known ?? compiler.compile(schema)
        if (known === undefined) checks.set(id, compiled, { size: 1 + JSON.stringify(schema).length })
        return compiled(data)
      })
      return { problem: problem === OVER ? 'over' : problem, hadMs }
    } catch (error) {
      return { problem: failure(error), hadMs }
    }
  })
}

/** The first text or schema that is broken; null: none is. */
function parse({ texts, schemas }: Extract<SandboxTask, { kind: 'parse' }>): (SandboxFailure | null)[] {
  const steps = [
    ...texts.map((text) => () => void renderer.parse(text)),
    ...schemas.map((schema) => () => {
      compiler.validate(schema)
      compiler.compile(schema)
    }),
  ]
  return steps.map((step, index) => {
    try {
      if (run(step) !== OVER) return null
      const field = texts[index]?.field ?? 'dataSchema'
      const message = `${field}: takes longer than ${programLimits.callMs} ms to read, with all others of the call together. Make it shorter.`
      return {
        code: index < texts.length ? 'TEMPLATE_BROKEN' : 'BAD_INPUT',
        details: { field, max: programLimits.callMs, message },
      }
    } catch (error) {
      return failure(error)
    }
  })
}

function answer(task: SandboxTask): unknown {
  switch (task.kind) {
    case 'render':
      return render(task.call)
    case 'check':
      return check(task)
    case 'parse':
      return parse(task)
    case 'variables': {
      const names = run(() => renderer.variables(task.contents))
      if (names === OVER) throw overBudget('The template')
      return names
    }
  }
}

// Ctrl-C reaches every process of a terminal, and stopping a service all of its processes: this one is ended by the server, which may need it to drain.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

let isWarm = false
let hasText = false
process.on('message', ({ task, budgetMs }: { readonly task: SandboxTask; readonly budgetMs: number }) => {
  // Ajv compiles the schemas of schemas when it needs them; an interruption must not come then, nor is it the task's work.
  if (!isWarm && (task.kind === 'check' || task.kind === 'parse')) {
    for (const $schema of drafts) compiler.validate({ $schema })
    isWarm = true
  }
  // Loading what makes texts of HTML takes a good part of the time that a task has.
  if (!hasText && task.kind === 'render' && task.call.method === 'email') {
    const [content] = task.call.args as Parameters<Renderer['email']>
    if (needsText(content)) {
      htmlText.of('<table><tr><td><p>a <a href="https://a.example">b</a></p></td></tr></table>')
      hasText = true
    }
  }
  const before = cpuMs()
  deadline = before + budgetMs
  ranOut = false
  let said: SandboxAnswer
  try {
    const result = answer(task)
    said = { ok: true, result, cpuMs: cpuMs() - before, isTainted }
  } catch (error) {
    said = { ok: false, failure: failure(error), isOver: ranOut || cpuMs() >= deadline, cpuMs: cpuMs() - before, isTainted }
  }
  // The server may be gone.
  process.send?.(said, undefined, undefined, () => {
    if (isTainted) process.exit()
  })
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
