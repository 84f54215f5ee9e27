/** The form state of a template. Everything is text until it is saved or previewed. */
import type { Channel, ChannelCondition, OneTemplateQuery, Severity, TemplateInput } from '../generated/graphql.ts'
import { channelNames } from './badge.ts'
import { readJson, readObject, writtenJson } from './json.ts'
import { specOf } from './template-fields.ts'

type Stored = Omit<
  NonNullable<OneTemplateQuery['template']>,
  'version' | 'latestVersion' | 'published' | 'latest' | 'draft' | 'variables' | 'samples'
>

/** A button. */
export interface DraftAction {
  readonly label: string
  readonly url: string
}

/** The content of a channel in one language, its fields by name. JSON is text. */
export type DraftContent = { locale: string } & { [field: string]: string | boolean | DraftAction }

/** The delivery rule of a channel. */
export interface DraftRule {
  channel: Channel
  delaySeconds: string
  onlyIf: ChannelCondition
}

/** The fields of the form. */
export interface Draft {
  key: string
  name: string
  active: boolean
  critical: boolean
  strict: boolean
  inPreferences: boolean
  severity: Severity
  feed: string
  dataSchema: string
  delaySeconds: string
  digestSeconds: string
  digestKey: string
  rules: DraftRule[]
  contents: Record<Channel, DraftContent[]>
}

/** A validation error that is found in the browser. */
export class DraftError extends Error {
  readonly field: string
  constructor(field: string, message: string) {
    super(message)
    this.field = field
  }
}

const noContents = (): Record<Channel, DraftContent[]> =>
  ({
    IN_APP: [],
    EMAIL: [],
    SMS: [],
    PUSH: [],
    WEB_PUSH: [],
    CHAT: [],
    ALIMTALK: [],
    FRIENDTALK: [],
    WEBHOOK: [],
  }) satisfies Record<Channel, DraftContent[]>

/** Empty content. */
export function newContent(channel: Channel, locale: string): DraftContent {
  const content: DraftContent = { locale }
  for (const { name, kind } of specOf(channel).fields) {
    content[name] = kind === 'check' ? false : kind === 'type' ? 'SMS' : kind === 'action' ? { label: '', url: '' } : ''
  }
  return content
}

/** An empty template. */
export const newDraft = (locale: string): Draft => ({
  ...{
    key: '',
    name: '',
    active: true,
    critical: false,
    strict: false,
    inPreferences: true,
    severity: 'NORMAL',
    feed: 'default',
    dataSchema: '',
    delaySeconds: '',
    digestSeconds: '',
    digestKey: '',
  },
  rules: [],
  contents: { ...noContents(), IN_APP: [newContent('IN_APP', locale)] },
})

/** The form of a stored template. */
export function draftOf(stored: Stored): Draft {
  const contents = noContents()
  for (const channel of channelNames) {
    const { input, fields } = specOf(channel)
    contents[channel] = stored[input].map((one) => {
      const values = new Map<string, unknown>(Object.entries(one))
      const content = newContent(channel, one.locale)
      for (const { name, kind } of fields) {
        const value = values.get(name)
        if (value === null || value === undefined) continue
        if (kind === 'json') content[name] = writtenJson(value)
        else if (kind === 'check') content[name] = value === true
        else if (kind === 'action') content[name] = actionOf(value)
        else content[name] = String(value)
      }
      return content
    })
  }
  return {
    key: stored.key,
    name: stored.name,
    active: stored.active,
    critical: stored.critical,
    strict: stored.strict,
    inPreferences: stored.inPreferences,
    severity: stored.severity,
    feed: stored.feed,
    dataSchema: writtenJson(stored.dataSchema),
    delaySeconds: stored.delaySeconds === null ? '' : String(stored.delaySeconds),
    digestSeconds: stored.digest === null ? '' : String(stored.digest.windowSeconds),
    digestKey: stored.digest?.key ?? '',
    rules: stored.rules.map(({ channel, delaySeconds, onlyIf }) => ({ channel, delaySeconds: String(delaySeconds), onlyIf })),
    contents,
  }
}

function actionOf(value: unknown): DraftAction {
  const { label, url } = value as { label?: string | null; url?: string | null }
  return { label: label ?? '', url: url ?? '' }
}

/** @throws DraftError */
const secondsOf = (field: string, text: string): number | null => {
  if (text.trim() === '') return null
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds < 0) throw new DraftError(field, 'Enter a whole number of seconds.')
  return seconds
}

/** The template as the API takes it. Empty fields are removed. @throws DraftError for invalid JSON or numbers */
export function inputOf(draft: Draft): TemplateInput {
  const schema = readObject(draft.dataSchema)
  if (!schema.ok) throw new DraftError('dataSchema', schema.wrong)
  const windowSeconds = secondsOf('digestSeconds', draft.digestSeconds)
  const contents = channelNames.map((channel) => {
    const { input } = specOf(channel)
    return [input, draft.contents[channel].map((content, index) => contentOf(channel, content, `${input}-${index}`))]
  })
  return {
    key: draft.key.trim(),
    name: draft.name.trim() === '' ? null : draft.name.trim(),
    active: draft.active,
    critical: draft.critical,
    strict: draft.strict,
    inPreferences: draft.inPreferences,
    severity: draft.severity,
    feed: draft.feed.trim() === '' ? null : draft.feed.trim(),
    dataSchema: schema.value,
    delaySeconds: secondsOf('delaySeconds', draft.delaySeconds),
    digest: windowSeconds === null ? null : { windowSeconds, key: draft.digestKey.trim() === '' ? null : draft.digestKey.trim() },
    rules: draft.rules.map(({ channel, delaySeconds, onlyIf }, index) => ({
      ...{ channel, onlyIf },
      delaySeconds: secondsOf(`rule-${index}`, delaySeconds) ?? 0,
    })),
    ...Object.fromEntries(contents),
  }
}

function contentOf(channel: Channel, content: DraftContent, id: string): Record<string, unknown> {
  const input: Record<string, unknown> = { locale: content.locale }
  for (const { name, kind, isRequired } of specOf(channel).fields) {
    const value = content[name]
    if (typeof value === 'boolean') input[name] = value
    else if (typeof value === 'object')
      input[name] = value.label.trim() === '' ? null : { label: value.label, url: value.url.trim() === '' ? null : value.url }
    else if (kind === 'json') {
      const read = readJson(value ?? '')
      if (!read.ok) throw new DraftError(`${id}-${name}`, read.wrong)
      input[name] = read.value
    } else input[name] = (value ?? '') === '' && isRequired !== true ? null : value
  }
  return input
}
