/** `preview`: what `sendMessages` would decide and render, by the same code; nothing is stored or sent. */
import type { Database } from '../db/database.ts'
import { findProviders } from '../db/provider.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContentCache } from '../domain/contents.ts'
import { createDataSchemas } from '../domain/data-schema.ts'
import type { Ids } from '../domain/ids.ts'
import { keyOf } from '../domain/ids.ts'
import type { Vendors } from '../domain/provider.ts'
import type { createTemplates, TemplateInput, WholeTemplate } from '../domain/template.ts'
import type { TemplateVersion, TemplateVersions } from '../domain/template-version.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { indexContents } from '../render/contents.ts'
import { programLimits } from '../render/limits.ts'
import { createMeter } from '../render/meter.ts'
import { type Renderer, SlowTemplate } from '../render/renderer.ts'
import { type CallBudget, createCallBudget, type Sandbox } from '../render/sandbox.ts'
import type { Channel, ChannelCondition, ProjectInfo } from '../words.ts'
import { suppressedCopies } from './copies.ts'
import type { ChannelDecision } from './decide.ts'
import type { CheckExtra } from './extra.ts'
import type { Intent, Verdicts } from './intent.ts'
import { type Known, lookUp } from './known.ts'
import { type PlannedMessage, planMessage } from './plan.ts'
import { noTexts, type Rehearse, type Rehearsed, type RehearsedTexts } from './rehearsal.ts'
import { sendAtOf } from './rule.ts'
import { screenAll } from './screen.ts'
import { checkMessage, type MessageInput } from './send.ts'
import { rehearsableOf } from './unsendable.ts'

/** One channel of a preview. */
export interface ChannelPreview extends RehearsedTexts {
  readonly channel: Channel
  readonly wouldSend: boolean
  readonly reason: Problem | null
  readonly address: string | null
  /** how long it waits until it is due; `onlyIf`: what must hold then */
  readonly delaySeconds: number
  readonly onlyIf: ChannelCondition
  /** key of the provider that it would be sent through */
  readonly provider: string | null
  /** cc and bcc that are left out, because they are suppressed */
  readonly suppressedCopies: readonly string[]
}

/** The preview of a message. */
export interface Preview {
  readonly ok: boolean
  /** why the message would be refused */
  readonly error: Problem | null
  /** the locale of the first channel that has one */
  readonly locale: string | null
  readonly channels: readonly ChannelPreview[]
  /** as in the result of sending it */
  readonly warnings: readonly Problem[]
}

/** What `createPreview` needs. */
export interface PreviewDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly renderer: Renderer
  readonly sandbox: Pick<Sandbox, 'render' | 'check' | 'parse'>
  readonly contents: ContentCache
  readonly rehearse: Rehearse
  readonly checkExtra: CheckExtra
  readonly vendors: Pick<Vendors, 'dials'>
  readonly templates: Pick<ReturnType<typeof createTemplates>, 'draft'>
  readonly versions: Pick<TemplateVersions, 'findByKey' | 'latestDraft'>
}

const refused = (error: Problem): Preview => ({ ok: false, error, locale: null, channels: [], warnings: [] })

/** The rest of a channel's preview: what was decided, apart from its texts. */
function decisionOf(
  { window, template }: PlannedMessage,
  { channel, reason, address, notBefore, onlyIf }: ChannelDecision,
  provider: string | null,
  now: Date,
) {
  const dueMs = (sendAtOf(notBefore, now)?.getTime() ?? now.getTime()) - now.getTime()
  const windowMs = window === null ? 0 : window.windowMs + (template?.delaySeconds ?? 0) * 1000
  const delaySeconds = Math.ceil((dueMs + windowMs) / 1000)
  return { channel, wouldSend: reason === null, reason, address, provider, delaySeconds, onlyIf }
}

/** Which template is previewed, other than the stored one. */
export interface PreviewOptions {
  /** as `upsertTemplates` would store it; null: no change */
  readonly change: TemplateInput | null
  /** the number of a version; null: the published one, or with a change the latest */
  readonly version: number | null
}

const storedAlone: PreviewOptions = { change: null, version: null }

/** @returns `preview`. What `sendMessages` would refuse is in the result */
export function createPreview(deps: PreviewDeps) {
  const { db } = deps
  const schemas = createDataSchemas()

  /** Renders here or, if the template is slow, in the sandbox. @throws CarillonError */
  async function rehearseHereOrInSandbox(
    rehearse: (renderer: Renderer) => Promise<Rehearsed>,
    renderer: Renderer,
    projectId: string,
    budget: CallBudget,
  ): Promise<Rehearsed> {
    try {
      return await rehearse(renderer)
    } catch (error) {
      if (!(error instanceof SlowTemplate)) throw error
      const rendered = await deps.sandbox.render(projectId, error.call, budget)
      // A channel calls the renderer once, and the result of that call is here now.
      return rehearse({ ...renderer, [error.call.method]: () => rendered })
    }
  }

  /** A version, as it would be sent. */
  function wholeOf({ templateId: id, number, content, stored }: TemplateVersion, key: string): WholeTemplate {
    const { active, critical, strict, feed, rules, delaySeconds, digest, dataSchema } = content
    return {
      info: { id, key, version: number, active, critical, strict, feed, rules, delaySeconds, digest },
      contents: indexContents(stored),
      check: dataSchema === null ? null : schemas.of(dataSchema),
    }
  }

  /** The version that is previewed, or that a change is previewed on; null: the stored template. @throws NOT_FOUND */
  async function baseOf(projectId: string, key: string, { version, change }: PreviewOptions): Promise<TemplateVersion | null> {
    if (version === null) return change === null ? null : deps.versions.latestDraft(projectId, key)
    const found = await deps.versions.findByKey(projectId, key, version)
    if (found !== null) return found
    const message = `There is no version ${version} of the template "${key}".`
    throw new CarillonError('NOT_FOUND', { field: 'version', message })
  }

  /** What was looked up, with another version, or a change of it, in place of the stored template. */
  async function drafted(
    known: Known,
    projectId: string,
    key: string,
    options: PreviewOptions,
    budget: CallBudget,
  ): Promise<{ known: Known; contents: ContentCache }> {
    const name = keyOf(projectId, key)
    const base = await baseOf(projectId, key, options)
    const stored = known.templates.get(name)
    const { contents } = deps
    const published =
      stored === undefined ? null : { info: stored, contents: contents.get(stored), check: contents.check(stored) }
    const before = base === null ? published : wholeOf(base, key)
    const whole = options.change === null ? before : await deps.templates.draft(projectId, options.change, before, budget)
    if (whole === null) return { known, contents }
    return {
      known: { ...known, templates: new Map([...known.templates, [name, { ...whole.info, projectId }]]) },
      // A preview is of one message, so it uses no other template.
      contents: { load: contents.load, get: () => whole.contents, check: () => whole.check },
    }
  }

  return async (project: ProjectInfo, input: MessageInput, options: PreviewOptions = storedAlone): Promise<Preview> => {
    const { change, version } = options
    let intent: Intent
    let known: Known
    let verdicts: Verdicts
    let { contents } = deps
    const budget = createCallBudget()
    const allowance = createMeter(programLimits.callUnits)
    const renderer = deps.renderer.within(allowance)
    try {
      const checked = checkMessage(input, deps.clock.now())
      if ('topic' in checked) {
        throw new CarillonError('BAD_INPUT', { field: 'topic', message: 'A preview is for one contact: name one of the topic.' })
      }
      intent = checked
      if (change !== null && change.key !== intent.template) {
        throw new CarillonError('BAD_INPUT', { field: 'draft.key', message: 'draft.key must be the template of the message.' })
      }
      known = await lookUp(db.pool, deps, [{ project, intents: [intent] }])
      if (intent.template !== null && (change !== null || version !== null))
        ({ known, contents } = await drafted(known, project.id, intent.template, options, budget))
      verdicts = await screenAll({ ...deps, contents }, known, project, [intent], allowance, budget)
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error
      return refused(problem(error.code, error.message, error.details.field ?? null))
    }
    const planned = planMessage(
      { ...deps, renderer, contents },
      known,
      project,
      { transactionId: deps.ids(), mark: Symbol('preview'), verdicts },
      intent,
    )
    if (!('notification' in planned)) return planned.ok ? refused(problem('INTERNAL')) : refused(planned.error)
    const providers = await findProviders(db.pool, [project.id])
    const message = rehearsableOf(planned, known)
    const previews = planned.decisions.map(async (decision): Promise<ChannelPreview> => {
      const { channel } = decision
      try {
        const rehearse = (renderer: Renderer) =>
          deps.rehearse({ ...message, channel, decision }, providers, { contents, renderer })
        const { target, reason, ...texts } =
          decision.locale === null && message.content === null
            ? { ...noTexts, target: null, reason: null }
            : await rehearseHereOrInSandbox(rehearse, renderer, project.id, budget)
        const { cc, bcc } = texts
        const leftOut = await suppressedCopies(db.pool, project.id, planned.template?.critical === true, [...cc, ...bcc])
        const isKept = (copy: string): boolean => !leftOut.has(copy)
        const copies = { cc: cc.filter(isKept), bcc: bcc.filter(isKept), suppressedCopies: [...leftOut.keys()] }
        const provider = target?.provider ?? decision.provider
        const whole = { ...decision, reason: decision.reason ?? reason }
        return { ...decisionOf(planned, whole, provider, deps.clock.now()), ...texts, ...copies }
      } catch (error) {
        if (!(error instanceof CarillonError)) throw error
        const reason = problem(error.code, error.message)
        return {
          ...decisionOf(planned, { ...decision, reason }, decision.provider, deps.clock.now()),
          ...noTexts,
          suppressedCopies: [],
        }
      }
    })
    const channels = await Promise.all(previews)
    const outcome = planned.outcome()
    return {
      ok: true,
      error: null,
      locale: planned.decisions.find((one) => one.locale !== null)?.locale ?? null,
      channels,
      warnings: outcome.ok ? outcome.warnings : [],
    }
  }
}
