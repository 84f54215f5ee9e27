/** Variables that a template uses and that have no value for a message: what is warned of, and what a strict template refuses. */
import { type Problem, problem } from '../errors.ts'
import type { TemplateContents } from '../render/contents.ts'
import type { Renderer, Scope } from '../render/renderer.ts'
import type { Channel, Overrides } from '../words.ts'
import type { ChannelDecision } from './decide.ts'
import { type RefusedOutcome, refuse } from './outcome.ts'

/** Names of the variables without a value on the channels that a message is sent on, as the template writes them; 20 a content at most. */
export function missingFor(
  renderer: Renderer,
  contents: TemplateContents,
  decisions: readonly Pick<ChannelDecision, 'channel' | 'locale' | 'reason'>[],
  scope: Scope,
  overrides: Overrides | null,
): string[] {
  const missing = new Set<string>()
  for (const { channel, locale, reason } of decisions) {
    const content = reason !== null || locale === null ? null : contents.get(channel, locale)
    if (content !== null && locale !== null) renderer.addMissing({ channel, locale, content }, scope, overrides, missing)
  }
  return [...missing]
}

const OF_DATA = /^(data|payload|event)([.[]|$)/
/** Whether only the data of a call can give a variable, as it does `data.…`: any other may be a property of a contact. */
export const isOfData = (name: string): boolean => OF_DATA.test(name)

/**
 * The same for a send to many, before its contacts are known: what is missing for every one of them.
 * @param channels only these of the template's; null: all of them
 */
export function missingForAll(
  renderer: Renderer,
  contents: TemplateContents,
  channels: readonly Channel[] | null,
  scope: Omit<Scope, 'contact' | 'actor' | 'unsubscribeUrl'>,
  overrides: Overrides | null,
): string[] {
  const missing = new Set<string>()
  const whole: Scope = { ...scope, contact: null, actor: null, unsubscribeUrl: null }
  for (const content of contents.stored) {
    if (channels === null || channels.includes(content.channel)) renderer.addMissing(content, whole, overrides, missing)
  }
  return [...missing].filter(isOfData)
}

/** What is warned of. */
export const missingWarnings = (names: readonly string[], template: string): Problem[] =>
  names.map((name) => problem('MISSING_DATA', `${name}: the template "${template}" uses it, and it has no value.`, name))

/** A message that a strict template refuses. The field is what the call can give, if that is among them. */
export const refuseMissing = (names: readonly string[], template: string, key: string | null): RefusedOutcome =>
  refuse(
    'DATA_INVALID',
    `The template "${template}" is strict, and uses what has no value: ${names.join(', ')}.`,
    names.find(isOfData) ?? names[0] ?? 'data',
    key,
  )
