/** `preview`: what `sendMessages` would decide and say, by the same code, with nothing stored and nothing sent. */
import type { Database } from '../db/database.ts'
import { findProviders } from '../db/provider.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { Aside } from '../render/aside.ts'
import type { Renderer, Scope } from '../render/content.ts'
import { HeavyText } from '../render/heavy.ts'
import { type SmsSize, smsSize } from '../render/sms.ts'
import type { Clock } from './clock.ts'
import type { ContentCache } from './contents.ts'
import type { ChannelDecision } from './decide.ts'
import type { CheckExtra } from './extra.ts'
import type { Ids } from './ids.ts'
import { type Accepted, actorOf, type Known, keyOf, lookUp, planMessage } from './plan.ts'
import type { Vendors } from './provider.ts'
import { checkMessage, type Intent, type MessageInput } from './send.ts'
import type { createTemplates, TemplateInput } from './template.ts'
import type { Channel, ChannelCondition, ProjectInfo } from './words.ts'

/** One channel of a preview. */
export interface ChannelPreview {
  readonly channel: Channel
  readonly wouldSend: boolean
  readonly reason: Problem | null
  readonly address: string | null
  /** how long it waits until it is due; `onlyIf`: what must hold then */
  readonly delaySeconds: number
  readonly onlyIf: ChannelCondition
  /** key of the provider that would carry it */
  readonly provider: string | null
  readonly subject: string | null
  readonly title: string | null
  readonly body: string | null
  readonly html: string | null
  readonly text: string | null
  readonly sms: SmsSize | null
  readonly truncated: boolean
}

/** What would happen. */
export interface Preview {
  readonly ok: boolean
  /** why nothing would be accepted */
  readonly error: Problem | null
  /** the language of the first channel that would speak */
  readonly locale: string | null
  readonly channels: readonly ChannelPreview[]
}

/** What it works with. */
export interface PreviewDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly renderer: Renderer
  readonly aside: Pick<Aside, 'render'>
  readonly contents: ContentCache
  readonly vendors: Pick<Vendors, 'fit'>
  readonly checkExtra: CheckExtra
  readonly templates: Pick<ReturnType<typeof createTemplates>, 'draft'>
}

const refused = (error: Problem): Preview => ({ ok: false, error, locale: null, channels: [] })
type Said = Omit<ChannelPreview, keyof ReturnType<typeof fateOf>>
const silent: Said = { subject: null, title: null, body: null, html: null, text: null, sms: null, truncated: false }

/** What becomes of a channel, whatever it says. */
function fateOf(
  { when, window, template }: Accepted,
  { channel, reason, address, delayMs, onlyIf }: ChannelDecision,
  provider: string | null,
  now: Date,
) {
  const due = window === null ? when : { inMs: window.windowMs + (template?.delaySeconds ?? 0) * 1000 }
  const dueMs = due === null ? 0 : 'at' in due ? due.at.getTime() - now.getTime() : due.inMs
  const delaySeconds = Math.ceil((dueMs + delayMs) / 1000)
  return { channel, wouldSend: reason === null, reason, address, provider, delaySeconds, onlyIf }
}

/** Makes `preview`. */
export function createPreview(deps: PreviewDeps) {
  const { db, vendors } = deps

  /** Renders; what takes long, in another process. */
  async function sayAnyhow(render: (renderer: Renderer) => Said, projectId: string): Promise<Said> {
    try {
      return render(deps.renderer)
    } catch (error) {
      if (!(error instanceof HeavyText)) throw error
      const made = await deps.aside.render(projectId, error.call)
      // The renderer is asked for one thing in a channel, and that is known now.
      return render({ ...deps.renderer, [error.call.method]: () => made })
    }
  }

  /** What is known, with the draft where its template stands. */
  function drafted(known: Known, projectId: string, draft: TemplateInput): { known: Known; contents: ContentCache } {
    const key = keyOf(projectId, draft.key)
    const stored = known.templates.get(key)
    const { contents } = deps
    const before = stored === undefined ? null : { info: stored, contents: contents.get(stored), check: contents.check(stored) }
    const whole = deps.templates.draft(draft, before)
    return {
      known: { ...known, templates: new Map([...known.templates, [key, { ...whole.info, projectId }]]) },
      // A preview is of one message, which has one template.
      contents: { load: contents.load, get: () => whole.contents, check: () => whole.check },
    }
  }

  function say(
    renderer: Renderer,
    contents: ContentCache,
    accepted: Accepted,
    { channel, locale }: ChannelDecision,
    scope: Scope,
    kind: string | null,
  ): Said {
    const { template, intent } = accepted
    const { overrides } = intent
    if (locale === null || template === null) return silent
    const said = contents.get({ projectId: accepted.project.id, ...template })
    switch (channel) {
      case 'IN_APP': {
        const content = said.get(channel, locale)
        if (content === null) return silent
        const { title, body } = renderer.inApp(content, scope, overrides)
        return { ...silent, title, body }
      }
      case 'EMAIL': {
        const content = said.get(channel, locale)
        if (content === null) return silent
        const { subject, html, text } = renderer.email(content, { ...scope, unsubscribeUrl: '#' }, overrides)
        return { ...silent, subject, html, text }
      }
      case 'SMS': {
        const content = said.get(channel, locale)
        if (content === null) return silent
        const { title, body } = renderer.sms(content, scope, overrides)
        return { ...silent, title, body, sms: smsSize(body) }
      }
      case 'PUSH':
      case 'WEB_PUSH': {
        const content = said.get(channel, locale)
        if (content === null) return silent
        const text = renderer.push(content, scope, overrides)
        const { title, body, truncated } = kind === null ? { ...text, truncated: false } : vendors.fit(kind, channel, text)
        return { ...silent, title, body, truncated }
      }
      case 'CHAT':
      case 'FRIENDTALK': {
        const content = said.get(channel, locale)
        return content === null ? silent : { ...silent, body: renderer.text('body', content.body, scope) }
      }
      case 'ALIMTALK': {
        const content = said.get(channel, locale)
        if (content === null) return silent
        return { ...silent, body: content.body === null ? null : renderer.text('body', content.body, scope) }
      }
      case 'WEBHOOK': {
        const content = said.get(channel, locale)
        return content === null ? silent : { ...silent, body: JSON.stringify(renderer.json('body', content.body, scope)) }
      }
    }
  }

  return async (project: ProjectInfo, input: MessageInput, draft: TemplateInput | null = null): Promise<Preview> => {
    let intent: Intent
    let known: Known
    let { contents } = deps
    try {
      const checked = checkMessage(input, deps.clock.now())
      if ('topic' in checked) {
        throw new CarillonError('BAD_INPUT', { field: 'topic', message: 'A preview is for one contact: name one of the topic.' })
      }
      intent = checked
      if (draft !== null && draft.key !== intent.template) {
        throw new CarillonError('BAD_INPUT', { field: 'draft.key', message: 'draft.key must be the template of the message.' })
      }
      known = await lookUp(db.pool, contents, [{ project, intents: [intent] }])
      if (draft !== null) ({ known, contents } = drafted(known, project.id, draft))
    } catch (error) {
      if (!(error instanceof CarillonError)) throw error
      return refused(problem(error.code, error.message, error.details.field ?? null))
    }
    const planned = planMessage(
      { ...deps, contents },
      known,
      project,
      { transactionId: deps.ids(), mark: Symbol('preview') },
      intent,
    )
    if (!('notification' in planned)) return planned.ok ? refused(problem('INTERNAL')) : refused(planned.error)
    const providers = await findProviders(db.pool, [project.id])
    const contact = planned.contactKey === null ? null : (known.contacts.get(planned.contactKey)?.info ?? null)
    const actor = planned.actorKey === null ? null : (known.contacts.get(planned.actorKey)?.info ?? null)
    const scope: Scope = {
      project,
      contact,
      actor: actor === null ? null : actorOf(actor),
      data: intent.data,
      digest: planned.window === null ? null : { count: 1, items: [intent.data], latest: intent.data },
      unsubscribeUrl: null,
    }
    const previews = planned.decisions.map(async (decision): Promise<ChannelPreview> => {
      const { provider } = decision
      const kind = providers.find((one) => one.key === provider)?.kind ?? null
      try {
        const said = await sayAnyhow((renderer) => say(renderer, contents, planned, decision, scope, kind), project.id)
        return { ...fateOf(planned, decision, provider, deps.clock.now()), ...said }
      } catch (error) {
        if (!(error instanceof CarillonError)) throw error
        const reason = problem(error.code, error.message)
        return { ...fateOf(planned, { ...decision, reason }, provider, deps.clock.now()), ...silent }
      }
    })
    const channels = await Promise.all(previews)
    return { ok: true, error: null, locale: planned.decisions.find((one) => one.locale !== null)?.locale ?? null, channels }
  }
}
