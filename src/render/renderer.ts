/** Renders the contents of a template for one contact. Compiled texts are cached. */
import { LRUCache } from 'lru-cache'
import { CarillonError, isStackOverflow } from '../errors.ts'
import { isLinkOrNone, type LinkUse, readLink } from '../values/link.ts'
import { formatMailbox } from '../values/mailbox.ts'
import { oneLine } from '../values/one-line.ts'
import {
  type Action,
  type ActionContent,
  type Actor,
  type Channel,
  type ContactField,
  type ContactInfo,
  type ContentOf,
  channelTraits,
  contactFields,
  type DigestItems,
  type Extent,
  type Json,
  type JsonObject,
  type Overrides,
  type ProjectInfo,
  profileOf,
  type TextType,
} from '../words.ts'
import type { StoredContent } from './contents.ts'
import { type ContentShape, contentShapeOf, createForesee, type ShapedText } from './foresee.ts'
import { createHtmlText, type HtmlText, needsText } from './html-text.ts'
import { programLimits } from './limits.ts'
import { addressesOf, type Compiled, createLiquid, type DateStyle, type Escaping } from './liquid.ts'
import { createMeter, type Meter } from './meter.ts'
import { addMissing, type Uses, usesOf } from './missing.ts'
import type { Variables } from './plain-text.ts'
import { registeredVariables } from './registered-text.ts'
import { unitsToParse } from './template-cost.ts'
import { shapeOf, shapeOfWritten, type TextShape } from './text-shape.ts'

/** What a template is rendered with. */
export interface Scope {
  readonly project: ProjectInfo
  readonly contact: ContactInfo | null
  readonly actor: Actor | null
  readonly data: JsonObject
  /** left out or null: it is no digest, and `digest` is a variable like any other */
  readonly digest?: DigestItems | null
  readonly unsubscribeUrl: string | null
  /** the language of the content, in which dates are shown; left out: English */
  readonly locale?: string | null
}

/** An in-app message, rendered. */
export interface InAppText {
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly actions: readonly Action[]
}
/** An e-mail, rendered. Each address is a mailbox as `formatMailbox` writes it; those of `replyTo` are separated by commas. */
export interface EmailText {
  readonly subject: string
  readonly html: string | null
  /** made of the HTML where the content has no text of its own */
  readonly text: string | null
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
}
/** A text message, rendered. */
export interface SmsText {
  readonly type: TextType
  readonly title: string | null
  readonly body: string
}

/** A push message, rendered. */
export interface PushText {
  readonly title: string
  readonly body: string
  readonly imageUrl: string | null
  readonly url: string | null
  readonly data: JsonObject
}

/** Renders contents. */
export interface Renderer {
  /**
   * Parses every text of a content. @returns those that the allowance is too small for, which are to be parsed in the sandbox
   * @throws TEMPLATE_BROKEN with field, line and column
   */
  check(field: string, content: StoredContent): SourceText[]
  /** Parses every text of overrides. @returns and throws as `check` */
  checkOverrides(overrides: Overrides): SourceText[]
  /** Parses one text, whatever its length. @throws TEMPLATE_BROKEN with field, line and column */
  parse(text: SourceText): void
  /** Names of the variables that contents use, sorted; null: the allowance is too small to parse them. */
  variables(contents: readonly StoredContent[]): string[] | null
  /**
   * Adds to `missing` the names of the variables that the texts of a content use and that have no value, as far as it can be known without
   * rendering. Texts that the allowance is too small to parse are left out.
   */
  addMissing(content: StoredContent, scope: Scope, overrides: Overrides | null, missing: Set<string>): void
  /**
   * @returns a function that says, without rendering it, how large a message of this scope becomes at most with a content; null: that rendering
   *   succeeds, and leaves something to read, is not certain
   */
  foresee(scope: Scope, overrides: Overrides | null): (content: StoredContent) => Extent | null
  /** The same renderer, whose work is a part of an allowance: of a call, or of a project's messages that are sent together. */
  within(allowance: Meter): Renderer
  // Each of these throws CarillonError TEMPLATE_BROKEN when a limit is exceeded, and SlowTemplate unless it is the sandbox's renderer.
  inApp(content: InAppContentOf, scope: Scope, overrides: Overrides | null): InAppText
  email(content: ContentOf['EMAIL'], scope: Scope, overrides: Overrides | null): EmailText
  sms(content: ContentOf['SMS'], scope: Scope, overrides: Overrides | null): SmsText
  push(content: ContentOf['PUSH'], scope: Scope, overrides: Overrides | null): PushText
  /** The text of a chat message, with its values marked: how they are escaped depends on the service (see values/marked-text.ts). */
  chat(field: string, source: string, scope: Scope): string
  /** One plain text: of a Friendtalk, of an Alimtalk that is filled in here. */
  text(field: string, source: string, scope: Scope): string
  /** JSON whose texts are templates. */
  json(field: string, source: Json, scope: Scope): Json
}
type InAppContentOf = ContentOf['IN_APP']

/** A text that is to be parsed. */
export interface SourceText {
  readonly field: string
  readonly source: string
  readonly escaping: Escaping
}

/** The methods of a renderer that render. */
export type RenderMethod = 'inApp' | 'email' | 'sms' | 'push' | 'chat' | 'text' | 'json'
/** One call of a renderer, in a form that can be sent to another process. */
export interface RenderCall {
  readonly method: RenderMethod
  readonly args: Parameters<Renderer[RenderMethod]>
}

/** Thrown instead of rendering a template that may block the process for too long. */
export class SlowTemplate extends Error {
  override readonly name = 'SlowTemplate'
  /** the call to make in the sandbox */
  readonly call: RenderCall
  constructor(call: RenderCall) {
    super('The template is to be rendered in the sandbox.')
    this.call = call
  }
}

/** The names that are a contact's own, whatever its properties are. */
const named: ReadonlySet<string> = new Set(contactFields)
const isField = (name: string): name is ContactField => named.has(name)

/** The variables of a template. Most texts use a few, which are looked up without an object of all of them. */
class ScopeVariables implements Variables {
  readonly #scope: Scope
  #profile: JsonObject | null = null
  #all: Record<string, unknown> | null = null

  constructor(scope: Scope) {
    this.#scope = scope
  }

  /** The names in the order in which `all` decides between them. */
  get(name: string): unknown {
    const { contact, actor, data, digest, project } = this.#scope
    if (this.#all !== null) return Object.hasOwn(this.#all, name) ? this.#all[name] : undefined
    if (name === 'unsubscribeUrl') return this.#scope.unsubscribeUrl ?? ''
    if (name === 'digest' && digest) return { count: digest.count, items: digest.items }
    if (name === 'data') return data
    if (name === 'contact') return this.#contact()
    if (Object.hasOwn(data, name)) return data[name]
    if (name === 'project') return { key: project.key, name: project.name }
    if (name === 'actor') return actor ?? {}
    if (name === 'event' || name === 'payload') return data
    if (name === 'subscriber' || name === 'user') return this.#contact()
    if (contact === null) return undefined
    if (isField(name) && contact[name] !== null) return contact[name]
    if (name === 'id' || name === 'externalId') return contact.externalId
    return Object.hasOwn(contact.properties, name) ? contact.properties[name] : undefined
  }

  /** Later entries replace earlier ones: those that `data` must not replace come after it. */
  all(): Record<string, unknown> {
    if (this.#all !== null) return this.#all
    const scope = this.#scope
    const { project, actor, data, digest } = scope
    const profile = this.#contact()
    this.#all = {
      ...profile,
      user: profile,
      subscriber: profile,
      payload: data,
      event: data,
      actor: actor ?? {},
      project: { key: project.key, name: project.name },
      ...data,
      contact: profile,
      data,
      ...(digest ? { digest: { count: digest.count, items: digest.items } } : {}),
      // Made when a text asks for it.
      get unsubscribeUrl() {
        return scope.unsubscribeUrl ?? ''
      },
    }
    return this.#all
  }

  #contact(): JsonObject {
    const { contact } = this.#scope
    this.#profile ??= contact === null ? {} : profileOf(contact)
    return this.#profile
  }
}

const texts = (content: StoredContent): [field: string, source: string, escaping: Escaping][] => {
  const found: [string, string, Escaping][] = []
  const escapings = content.channel === 'EMAIL' ? emailEscapings : null
  const walk = (path: string, value: unknown): void => {
    if (typeof value === 'string')
      found.push([path, value, escapings?.get(path) ?? (content.channel === 'CHAT' ? 'chat' : 'text')])
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(path === '' ? key : `${path}.${key}`, item)
    }
  }
  walk('', content.content)
  return found.filter(([path]) => !literal.has(path))
}
/** Fields of e-mails whose values are not put in as they are. */
const emailEscapings: ReadonlyMap<string, Escaping> = new Map([
  ['html', 'html'],
  ['from', 'mailbox'],
  ['replyTo', 'mailboxes'],
  ['cc', 'mailboxes'],
  ['bcc', 'mailboxes'],
])
/** Fields of contents that are identifiers, not templates. */
const literal = new Set(['type', 'templateCode'])

/** The overrides that replace texts of a channel. */
const overriddenBy: { readonly [C in Channel]?: 'inApp' | 'email' | 'sms' | 'push' } = {
  IN_APP: 'inApp',
  EMAIL: 'email',
  SMS: 'sms',
  PUSH: 'push',
  WEB_PUSH: 'push',
}

const overrideOf = (channel: Channel, overrides: Overrides | null): Readonly<Record<string, unknown>> | null => {
  const field = overriddenBy[channel]
  return (field === undefined ? null : overrides?.[field]) ?? null
}
/** A content with its overrides in it. */
function replacedIn({ content, ...stored }: StoredContent, over: Readonly<Record<string, unknown>>): StoredContent {
  const given = Object.fromEntries(Object.entries(over).filter(([, value]) => value !== null && value !== undefined))
  const whole = { ...content, ...given }
  // Of a push, the data of both are merged.
  return {
    ...stored,
    content: 'data' in content && 'data' in whole ? { ...whole, data: { ...content.data, ...whole.data } } : whole,
  }
}

/** What the link in a field is for. `page`: of those that lead somewhere */
const useOfLink = (path: string, page: 'web' | 'app'): LinkUse => (/(^|\.)(icon|image)Url$/.test(path) ? 'picture' : page)
const wantedOf: Readonly<Record<LinkUse, string>> = {
  web: 'Wanted: https, http, mailto, tel, or a path on the page; no user before the host, at most 2,048 characters.',
  app: "Wanted: https, http, an app's own scheme, or a path; no user before the host, at most 2,048 characters.",
  picture: 'Wanted: https, http, or a path on the page; no user before the host, at most 2,048 characters.',
}

/** How long a text that was too slow once is rendered in the sandbox at once: with other data it may be quick. */
const SLOW_MS = 10_000

/** A text that exceeded the time of a call. */
export const overBudget = (what: string): CarillonError =>
  new CarillonError('TEMPLATE_BROKEN', {
    max: programLimits.callMs,
    message:
      `${what} takes longer than ${programLimits.callMs} ms, or too much memory: all texts of a message together may take that long. ` +
      'Use fewer or shorter loops.',
  })

/**
 * Caches up to 5,000 compiled texts, or 64 MB of source.
 * @param options `meterOf`: makes the allowance of one call of the sandbox's renderer, which never throws SlowTemplate
 */
export function createRenderer({
  meterOf = null,
  htmlText = createHtmlText(),
}: {
  readonly meterOf?: (() => Meter) | null
  readonly htmlText?: HtmlText
} = {}): Renderer {
  const liquid = createLiquid()
  const kept = new LRUCache<string, Compiled>({ max: 5_000, maxSize: 64_000_000, sizeCalculation: (_value, key) => key.length })
  return createRendererWithin(
    { liquid, htmlText, kept, uses: new WeakMap(), shapes: new WeakMap(), contentShapes: new WeakMap(), meterOf },
    null,
  )
}

interface Shared {
  readonly liquid: ReturnType<typeof createLiquid>
  readonly htmlText: HtmlText
  readonly kept: LRUCache<string, Compiled>
  readonly uses: WeakMap<Compiled, Uses>
  readonly shapes: WeakMap<Compiled, TextShape>
  /** of contents that nothing is replaced in */
  readonly contentShapes: WeakMap<object, ContentShape>
  readonly meterOf: (() => Meter) | null
}

function createRendererWithin(shared: Shared, allowance: Meter | null): Renderer {
  const { liquid, htmlText, kept, uses, shapes, contentShapes, meterOf } = shared
  const createCallMeter = (): Meter => meterOf?.() ?? createMeter(programLimits.messageUnits, allowance)
  /** The allowance of the call that is running: rendering is synchronous. */
  let meter = createCallMeter()
  /** The contact's zone, or the project's, and the content's language, for the same call. */
  let dates: DateStyle = { timeZone: 'UTC', locale: 'en' }
  /** What was only read so far: rendering may change it. */
  let unchanged: { readonly scope: Scope; readonly variables: Variables } | null = null
  const variablesOf = (scope: Scope): Variables => {
    dates = { timeZone: scope.contact?.timezone ?? scope.project.timezone, locale: scope.locale ?? 'en' }
    const variables = unchanged?.scope === scope ? unchanged.variables : new ScopeVariables(scope)
    unchanged = null
    return variables
  }
  const keyOf = (source: string, escaping: Escaping): string => `${escaping} ${source}`
  /** null: parsing it would exceed the allowance */
  const compiled = (field: string, source: string, escaping: Escaping): Compiled | null => {
    const key = keyOf(source, escaping)
    const known = kept.get(key)
    if (known !== undefined) return known
    const units = unitsToParse(source)
    if (!(allowance ?? createMeter(meterOf === null ? programLimits.callUnits : Infinity)).spend(units)) return null
    const fresh = liquid.compile(field, source, escaping)
    kept.set(key, fresh)
    return fresh
  }
  /** null: it can't be parsed, or not within the allowance */
  const shapeFor = (field: string, source: string, escaping: Escaping): TextShape | null => {
    if (!source.includes('{')) return shapeOfWritten(source)
    try {
      const parsed = compiled(field, source, escaping)
      if (parsed === null) return null
      const shape = shapes.get(parsed) ?? shapeOf(parsed.templates)
      shapes.set(parsed, shape)
      return shape
    } catch (error) {
      if (error instanceof CarillonError) return null
      throw error
    }
  }
  const shapeOfContent = (content: StoredContent): ContentShape | null => {
    const shaped: ShapedText[] = []
    for (const [path, source, escaping] of texts(content)) {
      const shape = shapeFor(path, source, escaping)
      if (shape === null) return null
      shaped.push({ path, escaping, shape })
    }
    return contentShapeOf(content, shaped)
  }
  const renderText = (field: string, source: string, variables: Variables, escaping: Escaping = 'text'): string => {
    // A text without a brace has neither tags nor outputs: it is rendered as it is.
    if (!source.includes('{')) return source.trimEnd()
    const parsed = compiled(field, source, escaping)
    if (parsed === null || (meterOf === null && parsed.slowUntil > performance.now())) throw new Slow()
    const text = namingField(field, () => liquid.render(parsed, variables, meter, dates))
    if (text !== null) return text
    if (meterOf !== null) throw overBudget(field)
    // Where the call's allowance is used up, others have used it.
    if (allowance?.isSpent() !== true) parsed.slowUntil = performance.now() + SLOW_MS
    throw new Slow()
  }
  const renderOptional = (field: string, source: string | null | undefined, variables: Variables): string | null =>
    source === null || source === undefined ? null : renderText(field, source, variables)
  const renderLine = (field: string, source: string, variables: Variables): string =>
    oneLine(renderText(field, source, variables))
  const renderOptionalLine = (field: string, source: string | null | undefined, variables: Variables): string | null =>
    source === null || source === undefined ? null : renderLine(field, source, variables)
  /** Mailboxes of an address field. @throws ADDRESS_INVALID naming the field */
  const renderMailboxes = (
    field: string,
    source: string | null,
    variables: Variables,
    escaping: 'mailbox' | 'mailboxes',
  ): string[] => {
    if (source === null) return []
    const pieces = liquid.pieces(renderText(field, source, variables, escaping))
    return addressesOf(field, escaping, pieces).map(formatMailbox)
  }
  /** The text part of an e-mail that has none. null: its html took all the time there is, so it goes without */
  const plainText = (html: string): string | null => {
    if (meter.spend(htmlText.units(html))) return htmlText.of(html)
    if (meterOf !== null) return null
    throw new Slow()
  }
  /** A link that a value makes invalid becomes null: the message is sent without it, because it is not safe to show. */
  const link = (
    field: string,
    source: string | null | undefined,
    variables: Variables,
    use: LinkUse = useOfLink(field, 'web'),
  ): string | null => {
    const text = renderOptional(field, source, variables)
    return text === null ? null : readLink(text, use)
  }
  const renderJson = (field: string, source: Json, variables: Variables): Json => {
    if (typeof source === 'string') return renderText(field, source, variables)
    if (typeof source !== 'object' || source === null) return source
    if (isList(source)) return source.map((item) => renderJson(field, item, variables))
    return Object.fromEntries(Object.entries(source).map(([key, item]) => [key, renderJson(`${field}.${key}`, item, variables)]))
  }
  const action = (type: Action['type'], content: ActionContent | null, variables: Variables): Action[] =>
    content === null
      ? []
      : [
          {
            type,
            label: renderLine('label', content.label, variables),
            url: link('url', content.url, variables),
            status: 'PENDING',
            payload: null,
          },
        ]

  const renderer: Renderer = {
    check(field, content) {
      const left: SourceText[] = []
      for (const [path, source, escaping] of texts(content)) {
        if (compiled(`${field}.${path}`, source, escaping) === null) left.push({ field: `${field}.${path}`, source, escaping })
        const { links } = channelTraits[content.channel]
        if (links === 'any' || path.startsWith('data.') || !/url$/i.test(path)) continue
        if (!source.includes('{') && !isLinkOrNone(source, useOfLink(path, links))) {
          throw new CarillonError('BAD_INPUT', {
            field: `${field}.${path}`,
            message: `${field}.${path}: is not an allowed link. ${wantedOf[useOfLink(path, links)]}`,
          })
        }
      }
      return left
    },
    checkOverrides({ inApp, email, sms, push }) {
      const left: SourceText[] = []
      for (const [channel, texts] of Object.entries({ inApp, email, sms, push: { ...push, ...push?.data } })) {
        for (const [field, text] of Object.entries(texts ?? {})) {
          // The feed is an identifier, not a template.
          if (typeof text !== 'string' || field === 'feed') continue
          const path = `overrides.${channel}.${field}`
          const escaping = (channel === 'email' ? emailEscapings.get(field) : undefined) ?? 'text'
          if (compiled(path, text, escaping) === null) left.push({ field: path, source: text, escaping })
        }
      }
      return left
    },
    variables(contents) {
      const names = new Set<string>()
      for (const content of contents) {
        for (const [path, source, escaping] of texts(content)) {
          const parsed = compiled(path, source, escaping)
          if (parsed === null) return null
          for (const name of liquid.variables(parsed)) names.add(name)
          if (channelTraits[content.channel].isRegistered) for (const name of registeredVariables(source)) names.add(name)
        }
      }
      return [...names].sort()
    },
    addMissing(content, scope, overrides, missing) {
      const over: Readonly<Record<string, unknown>> = overrideOf(content.channel, overrides) ?? {}
      const sources = texts(content)
        .map(([path, own, escaping]) => ({ path, source: typeof over[path] === 'string' ? over[path] : own, escaping }))
        .filter(({ source }) => source.includes('{'))
      if (sources.length === 0) return
      const variables = variablesOf(scope)
      unchanged = { scope, variables }
      for (const { path, source, escaping } of sources) {
        try {
          const parsed = compiled(path, source, escaping)
          if (parsed === null) continue
          const known = uses.get(parsed) ?? usesOf(parsed.templates)
          uses.set(parsed, known)
          addMissing(known, variables.all(), missing)
        } catch (error) {
          // What is broken or nested too deeply is told by rendering it.
          if (!(error instanceof CarillonError) && !isStackOverflow(error)) throw error
        }
      }
    },
    foresee(scope, overrides) {
      const foresee = createForesee(() => variablesOf(scope).all(), [scope.data, scope.contact?.properties])
      return (stored) => {
        const over = overrideOf(stored.channel, overrides)
        const known = over === null ? contentShapes.get(stored.content) : undefined
        const shape = known ?? shapeOfContent(over === null ? stored : replacedIn(stored, over))
        if (shape !== null && over === null && known === undefined) contentShapes.set(stored.content, shape)
        return shape === null ? null : foresee(shape)
      }
    },
    parse({ field, source, escaping }) {
      liquid.compile(field, source, escaping)
    },
    within: (part) => createRendererWithin(shared, part),
    inApp(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.inApp
      return {
        title: renderOptionalLine('title', over?.title ?? content.title, variables),
        body: renderText('body', over?.body ?? content.body, variables),
        iconUrl: link('iconUrl', over?.iconUrl ?? content.iconUrl, variables),
        url: link('url', over?.url ?? content.url, variables),
        actions: [
          ...action('PRIMARY', content.primaryAction, variables),
          ...action('SECONDARY', content.secondaryAction, variables),
        ],
      }
    },
    email(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.email
      const html = content.html === null ? null : renderText('html', content.html, variables, 'html')
      const text = renderOptional('text', content.text, variables)
      const mailboxes = (field: 'from' | 'replyTo' | 'cc' | 'bcc'): string[] =>
        renderMailboxes(field, over?.[field] ?? content[field], variables, field === 'from' ? 'mailbox' : 'mailboxes')
      const replyTo = mailboxes('replyTo')
      return {
        subject: renderLine('subject', over?.subject ?? content.subject, variables),
        html,
        text: html !== null && needsText({ html, text }) ? plainText(html) : text,
        from: mailboxes('from')[0] ?? null,
        replyTo: replyTo.length === 0 ? null : replyTo.join(', '),
        cc: mailboxes('cc'),
        bcc: mailboxes('bcc'),
      }
    },
    sms(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.sms
      return {
        type: content.type,
        title: renderOptionalLine('title', over?.title ?? content.title, variables),
        body: renderText('body', over?.body ?? content.body, variables),
      }
    },
    push(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.push
      const data = renderJson('data', { ...content.data, ...over?.data }, variables)
      return {
        title: renderLine('title', over?.title ?? content.title, variables),
        body: renderText('body', over?.body ?? content.body, variables),
        imageUrl: link('imageUrl', over?.imageUrl ?? content.imageUrl, variables),
        url: link('url', over?.url ?? content.url, variables, 'app'),
        data: typeof data === 'object' && data !== null && !isList(data) ? data : {},
      }
    },
    chat: (field, source, scope) => renderText(field, source, variablesOf(scope), 'chat'),
    text: (field, source, scope) => renderText(field, source, variablesOf(scope)),
    json: (field, source, scope) => renderJson(field, source, variablesOf(scope)),
  }
  /** Turns `Slow` into an error that carries the whole call, so that another process can make it. */
  const rethrown =
    <A extends RenderCall['args'], R>(method: RenderMethod, render: (...args: A) => R) =>
    (...args: A): R => {
      meter = createCallMeter()
      try {
        return render(...args)
      } catch (error) {
        if (error instanceof Slow) throw new SlowTemplate({ method, args })
        throw error
      }
    }
  return {
    ...renderer,
    inApp: rethrown('inApp', renderer.inApp),
    email: rethrown('email', renderer.email),
    sms: rethrown('sms', renderer.sms),
    push: rethrown('push', renderer.push),
    chat: rethrown('chat', renderer.chat),
    text: rethrown('text', renderer.text),
    json: rethrown('json', renderer.json),
  }
}

/** Adds the field to an error that has none. */
function namingField<T>(field: string, render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof CarillonError) || error.details.field !== undefined) throw error
    throw new CarillonError(error.code, { ...error.details, message: `${field}: ${error.message}`, cause: error })
  }
}

/** Thrown for a text of the content that is slow. */
class Slow extends Error {}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)
