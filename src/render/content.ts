/** A template's contents, compiled once per version, and what they say to one contact. */
import { LRUCache } from 'lru-cache'
import {
  type Action,
  type ActionContent,
  type Actor,
  type Channel,
  type ContactInfo,
  type ContentOf,
  type DigestItems,
  type Json,
  type JsonObject,
  type Overrides,
  type ProjectInfo,
  profileOf,
  type TextType,
} from '../domain/words.ts'
import { CarillonError } from '../errors.ts'
import { HeavyText, type RenderCall, type RenderMethod } from './heavy.ts'
import { isLink, isPushLink } from './link.ts'
import { type Compiled, createLiquid, type Escaping } from './liquid.ts'
import { asLiquid, registeredVariables } from './registered-text.ts'

/** One content as it is stored. */
export interface StoredContent {
  readonly channel: Channel
  readonly locale: string
  readonly content: ContentOf[Channel]
}

/** All contents of one version of a template. */
export interface TemplateContents {
  /** Locales that a channel has contents in. */
  locales(channel: Channel): readonly string[]
  readonly channels: readonly Channel[]
  readonly stored: readonly StoredContent[]
  get<C extends Channel>(channel: C, locale: string): ContentOf[C] | null
}

/** What a template sees. */
export interface Scope {
  readonly project: ProjectInfo
  readonly contact: ContactInfo | null
  readonly actor: Actor | null
  readonly data: JsonObject
  /** left out or null: it is no digest, and `digest` is a name like any other */
  readonly digest?: DigestItems | null
  readonly unsubscribeUrl: string | null
}

/** An in-app message, rendered. */
export interface InAppText {
  readonly title: string | null
  readonly body: string
  readonly iconUrl: string | null
  readonly url: string | null
  readonly actions: readonly Action[]
}
/** An e-mail, rendered; addresses are not checked yet. */
export interface EmailText {
  readonly subject: string
  readonly html: string | null
  readonly text: string | null
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: string | null
  readonly bcc: string | null
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
  /** Parses every text of a content. @throws TEMPLATE_BROKEN with field, line and column */
  check(field: string, content: StoredContent): void
  /** Parses every text of overrides. @throws TEMPLATE_BROKEN with field, line and column */
  checkOverrides(overrides: Overrides): void
  /** Names of the variables that contents use, sorted. */
  variables(contents: readonly StoredContent[]): string[]
  inApp(content: InAppContentOf, scope: Scope, overrides: Overrides | null): InAppText
  email(content: ContentOf['EMAIL'], scope: Scope, overrides: Overrides | null): EmailText
  sms(content: ContentOf['SMS'], scope: Scope, overrides: Overrides | null): SmsText
  push(content: ContentOf['PUSH'], scope: Scope, overrides: Overrides | null): PushText
  /** One plain text: of a chat message, of a Friendtalk, of an Alimtalk that is filled in here. */
  text(field: string, source: string, scope: Scope): string
  /** JSON whose texts are templates. */
  json(field: string, source: Json, scope: Scope): Json
}
type InAppContentOf = ContentOf['IN_APP']

/** Names and their order of precedence: what a caller may not replace by its data comes last. */
function variablesOf({ project, contact, actor, data, digest, unsubscribeUrl }: Scope): Record<string, unknown> {
  const profile = contact === null ? {} : profileOf(contact)
  return {
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
    unsubscribeUrl: unsubscribeUrl ?? '',
  }
}

const texts = (content: StoredContent): [field: string, source: string, escaping: Escaping][] => {
  const found: [string, string, Escaping][] = []
  const walk = (path: string, value: unknown): void => {
    if (typeof value === 'string') found.push([path, value, path === 'html' ? 'html' : 'text'])
    else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) walk(path === '' ? key : `${path}.${key}`, item)
    }
  }
  walk('', content.content)
  return found.filter(([path]) => !literal.has(path))
}
/** Fields of contents that are names, not texts. */
const literal = new Set(['type', 'templateCode'])

/** Makes a renderer. Texts are compiled once each, and kept by their source: 5,000 of them, or 64 MB of source. */
export function createRenderer(options: { readonly isAside?: boolean } = {}): Renderer {
  const liquid = createLiquid(options)
  const kept = new LRUCache<string, Compiled>({ max: 5_000, maxSize: 64_000_000, sizeCalculation: (_value, key) => key.length })
  const compiled = (field: string, source: string, escaping: Escaping): Compiled => {
    const key = `${escaping} ${source}`
    const known = kept.get(key)
    if (known !== undefined) return known
    const fresh = liquid.compile(field, source, escaping)
    kept.set(key, fresh)
    return fresh
  }
  const say = (field: string, source: string, variables: Record<string, unknown>, escaping: Escaping = 'text'): string => {
    // A text without a tag or an output says itself.
    if (!source.includes('{')) return source.trimEnd()
    const text = liquid.render(compiled(field, source, escaping), variables)
    if (text === null) throw new Heavy()
    return text
  }
  const sayOr = (field: string, source: string | null | undefined, variables: Record<string, unknown>): string | null =>
    source === null || source === undefined ? null : say(field, source, variables)
  /** A link that a value makes bad becomes null: it is not worth losing the message for, and not safe to show. */
  const link = (field: string, source: string | null | undefined, variables: Record<string, unknown>): string | null => {
    const text = sayOr(field, source, variables)
    return text !== null && text !== '' && isLink(text) ? text : null
  }
  /** In push any scheme may stand but those that would run or open something here: an app has its own. */
  const pushLink = (field: string, source: string | null | undefined, variables: Record<string, unknown>): string | null => {
    const text = sayOr(field, source, variables)
    return text !== null && text !== '' && isPushLink(text) ? text : null
  }
  const sayJson = (field: string, source: Json, variables: Record<string, unknown>): Json => {
    if (typeof source === 'string') return say(field, source, variables)
    if (typeof source !== 'object' || source === null) return source
    if (isList(source)) return source.map((item) => sayJson(field, item, variables))
    return Object.fromEntries(Object.entries(source).map(([key, item]) => [key, sayJson(`${field}.${key}`, item, variables)]))
  }
  const action = (type: Action['type'], content: ActionContent | null, variables: Record<string, unknown>): Action[] =>
    content === null
      ? []
      : [
          {
            type,
            label: say('label', content.label, variables),
            url: link('url', content.url, variables),
            status: 'PENDING',
            payload: null,
          },
        ]

  const renderer: Renderer = {
    check(field, content) {
      for (const [path, source, escaping] of texts(content)) {
        liquid.compile(`${field}.${path}`, source, escaping)
        if (content.channel === 'WEBHOOK' || path.startsWith('data.') || !/url$/i.test(path)) continue
        const isAllowed = content.channel === 'PUSH' || content.channel === 'WEB_PUSH' ? isPushLink : isLink
        if (!source.includes('{') && source !== '' && !isAllowed(source)) {
          throw new CarillonError('BAD_INPUT', {
            field: `${field}.${path}`,
            message: `${field}.${path}: is not an allowed link.`,
          })
        }
      }
    },
    checkOverrides({ inApp, email, sms, push }) {
      for (const [channel, texts] of Object.entries({ inApp, email, sms, push: { ...push, ...push?.data } })) {
        for (const [field, text] of Object.entries(texts ?? {})) {
          // A feed is named, not said.
          if (typeof text === 'string' && field !== 'feed') compiled(`overrides.${channel}.${field}`, text, 'text')
        }
      }
    },
    variables(contents) {
      const names = contents.flatMap((content) =>
        texts(content).flatMap(([path, source, escaping]) => [
          ...liquid.variables(compiled(path, source, escaping)),
          ...(content.channel === 'ALIMTALK' ? registeredVariables(source) : []),
        ]),
      )
      return [...new Set(names)].sort()
    },
    inApp(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.inApp
      return {
        title: sayOr('title', over?.title ?? content.title, variables),
        body: say('body', over?.body ?? content.body, variables),
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
      return {
        subject: say('subject', over?.subject ?? content.subject, variables),
        html: content.html === null ? null : say('html', content.html, variables, 'html'),
        text: sayOr('text', content.text, variables),
        from: sayOr('from', over?.from ?? content.from, variables),
        replyTo: sayOr('replyTo', over?.replyTo ?? content.replyTo, variables),
        cc: sayOr('cc', over?.cc ?? content.cc, variables),
        bcc: sayOr('bcc', over?.bcc ?? content.bcc, variables),
      }
    },
    sms(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.sms
      return {
        type: content.type,
        title: sayOr('title', over?.title ?? content.title, variables),
        body: say('body', over?.body ?? content.body, variables),
      }
    },
    push(content, scope, overrides) {
      const variables = variablesOf(scope)
      const over = overrides?.push
      const data = sayJson('data', { ...content.data, ...over?.data }, variables)
      return {
        title: say('title', over?.title ?? content.title, variables),
        body: say('body', over?.body ?? content.body, variables),
        imageUrl: link('imageUrl', over?.imageUrl ?? content.imageUrl, variables),
        url: pushLink('url', over?.url ?? content.url, variables),
        data: typeof data === 'object' && data !== null && !isList(data) ? data : {},
      }
    },
    text: (field, source, scope) => say(field, source, variablesOf(scope)),
    json: (field, source, scope) => sayJson(field, source, variablesOf(scope)),
  }
  /** A heavy text is told by its whole call, so that another process can make it. */
  const told =
    <A extends RenderCall['args'], R>(method: RenderMethod, render: (...args: A) => R) =>
    (...args: A): R => {
      try {
        return render(...args)
      } catch (error) {
        if (error instanceof Heavy) throw new HeavyText({ method, args })
        throw error
      }
    }
  return {
    ...renderer,
    inApp: told('inApp', renderer.inApp),
    email: told('email', renderer.email),
    sms: told('sms', renderer.sms),
    push: told('push', renderer.push),
    text: told('text', renderer.text),
    json: told('json', renderer.json),
  }
}

/** One of a content's texts is heavy. */
class Heavy extends Error {}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value)

/** Orders the stored contents of a template for looking up. */
export function indexContents(stored: readonly StoredContent[]): TemplateContents {
  const byChannel = new Map<Channel, Map<string, StoredContent['content']>>()
  for (const { channel, locale, content } of stored) {
    const locales = byChannel.get(channel) ?? new Map<string, StoredContent['content']>()
    locales.set(locale, channel === 'ALIMTALK' ? filledHere(content) : content)
    byChannel.set(channel, locales)
  }
  const locales = new Map([...byChannel].map(([channel, contents]) => [channel, [...contents.keys()]]))
  return {
    stored,
    channels: [...byChannel.keys()],
    locales: (channel) => locales.get(channel) ?? [],
    get<C extends Channel>(channel: C, locale: string) {
      // The table's key is (channel, locale), and the content of a channel has that channel's shape.
      return (byChannel.get(channel)?.get(locale) as ContentOf[C] | undefined) ?? null
    },
  }
}

/** An Alimtalk whose text may be given as it is registered. */
const filledHere = (content: StoredContent['content']): StoredContent['content'] =>
  'templateCode' in content && content.body !== null ? { ...content, body: asLiquid(content.body) } : content
