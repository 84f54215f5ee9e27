/**
 * Checks the data and the overrides of a call before its messages are planned: in the server what is provably cheap, in the sandbox what is
 * not, all of it within the budget of the call.
 */
import { keyOf } from '../domain/ids.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { programLimits } from '../render/limits.ts'
import type { Meter } from '../render/meter.ts'
import type { SourceText } from '../render/renderer.ts'
import type { CallBudget, Sandbox, ToCheck } from '../render/sandbox.ts'
import type { ProjectInfo } from '../words.ts'
import type { SendDeps } from './deps.ts'
import type { Intent, ManyIntent, Verdict, Verdicts } from './intent.ts'
import type { Known } from './known.ts'

/** What one message leaves to the sandbox. */
export interface Left {
  readonly intent: Intent | ManyIntent
  readonly toCheck: ToCheck | null
  readonly texts: readonly SourceText[]
  /** what was found in the server */
  readonly verdict: Verdict
}

/** Checks what is cheap enough, and adds it to `verdicts`. @returns what is left to the sandbox */
export function screen(
  { renderer, contents }: Pick<SendDeps, 'renderer' | 'contents'>,
  known: Known,
  project: ProjectInfo,
  intents: readonly (Intent | ManyIntent | CarillonError)[],
  allowance: Meter,
  verdicts: Verdicts,
): Left[] {
  const left: Left[] = []
  for (const intent of intents) {
    if (intent instanceof CarillonError || intent.template === null) continue
    const template = known.templates.get(keyOf(project.id, intent.template))
    const check = template === undefined ? null : contents.check(template)
    if (check === null && intent.overrides === null) continue
    // It is refused, and nothing in it is looked at.
    if (template?.active !== true || (intent.key !== null && known.taken.has(keyOf(project.id, intent.key)))) continue
    const schemaId = check?.id ?? null
    if (verdicts.get(intent)?.schemaId === schemaId) continue
    const invalid = check === null ? null : check.run(intent.data, allowance)
    let texts: readonly SourceText[] = []
    let broken: CarillonError | null = null
    try {
      if (intent.overrides !== null) texts = renderer.within(allowance).checkOverrides(intent.overrides)
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error
      broken = error
    }
    const verdict = { schemaId, invalid: invalid ?? null, broken }
    if (invalid !== undefined && texts.length === 0) verdicts.set(intent, verdict)
    else {
      const toCheck = check === null || invalid !== undefined ? null : { id: check.id, schema: check.schema, data: intent.data }
      left.push({ intent, toCheck, texts, verdict })
    }
  }
  return left
}

const tooLong = (intent: Intent | ManyIntent): Problem =>
  problem(
    'DATA_INVALID',
    `data: takes longer than ${programLimits.callMs} ms to check with the dataSchema of the template "${intent.template}", together with ` +
      'the other messages of the call. Simplify the schema, or send fewer messages at a time.',
    'data',
  )

/** Checks the rest in the sandbox, and adds it to `verdicts`. @throws RATE_LIMITED, OVERLOADED */
export async function screenInSandbox(
  sandbox: Pick<Sandbox, 'check' | 'parse'>,
  project: ProjectInfo,
  left: readonly Left[],
  verdicts: Verdicts,
  budget: CallBudget,
): Promise<void> {
  const toCheck = left.flatMap((one) => one.toCheck ?? [])
  const texts = left.flatMap((one) => one.texts)
  const problems = toCheck.length === 0 ? [] : await sandbox.check(project.id, toCheck, budget)
  const errors = texts.length === 0 ? [] : await sandbox.parse(project.id, { texts, schemas: [] }, budget)
  const found = new Map(toCheck.map((one, index) => [one, problems[index] ?? null]))
  const wrong = new Map(texts.map((one, index) => [one, errors[index] ?? null]))
  for (const one of left) {
    const checked = one.toCheck === null ? one.verdict.invalid : (found.get(one.toCheck) ?? null)
    const broken = one.texts.map((text) => wrong.get(text) ?? null).find((error) => error !== null)
    verdicts.set(one.intent, {
      schemaId: one.verdict.schemaId,
      invalid: checked === 'over' ? tooLong(one.intent) : checked,
      broken: broken ?? one.verdict.broken,
    })
  }
}

/** Checks all of it, where nobody waits for the same transaction. @throws RATE_LIMITED, OVERLOADED */
export async function screenAll(
  deps: Pick<SendDeps, 'renderer' | 'contents' | 'sandbox'>,
  known: Known,
  project: ProjectInfo,
  intents: readonly (Intent | ManyIntent)[],
  allowance: Meter,
  budget: CallBudget,
): Promise<Verdicts> {
  const verdicts: Verdicts = new Map()
  const left = screen(deps, known, project, intents, allowance, verdicts)
  if (left.length > 0) await screenInSandbox(deps.sandbox, project, left, verdicts, budget)
  return verdicts
}
