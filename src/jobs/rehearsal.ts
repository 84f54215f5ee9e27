/**
 * Rehearses one channel of a message, for a preview or before it is accepted: it is rendered by the code that renders it for sending, and given to the code of its
 * provider, which checks it as it always does and stops before its first request. So every refusal that needs no vendor is known.
 */
import { LRUCache } from 'lru-cache'
import { type Provider, ProviderError, Rehearsed, type Rendered } from '../channels/provider.ts'
import { kindOf, openProvider, secretSettings } from '../channels/registry.ts'
import type { ProviderRow } from '../db/provider.ts'
import { unsealSettings } from '../domain/provider.ts'
import type { Secrets } from '../domain/secrets.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { noTexts, type Rehearsable, type Rehearse, type RehearsedTexts } from '../send/rehearsal.ts'
import type { Target } from '../send/target.ts'
import { HOME_COUNTRY, readPhone } from '../values/phone.ts'
import { smsSize } from '../values/sms.ts'
import { goesToAll } from '../words.ts'
import { type Outbound, renderDecided } from './compose.ts'
import { mayTryNext } from './judge.ts'

const PROVIDERS_MAX = 100
const IDLE_MS = 60_000

/** @returns the function that rehearses, and the one that closes its providers */
export function createRehearsal(deps: {
  readonly secrets: Pick<Secrets, 'unseal'>
  readonly allowPrivateHosts: boolean
  readonly log: Log
}): { readonly rehearse: Rehearse; close(): void } {
  const { secrets, allowPrivateHosts, log } = deps
  const open = new LRUCache<string, Provider>({
    max: PROVIDERS_MAX,
    ttl: IDLE_MS,
    dispose: (provider) => void provider.close(),
  })

  function instanceOf(row: ProviderRow): Provider | null {
    const name = `${row.id} ${row.version}`
    const known = open.get(name)
    if (known !== undefined) return known
    try {
      const settings = unsealSettings(secrets, secretSettings(row.kind), row)
      const provider = openProvider(row.kind, settings, { allowPrivateHosts, rehearses: true })
      open.set(name, provider)
      return provider
    } catch (error) {
      log.error('A provider cannot be opened', { projectId: row.projectId, provider: row.key, error: String(error) })
      return null
    }
  }

  /** Whether the provider would make a request for the message. @returns why not; null: it would, or that can't be known here */
  async function tryProvider(row: ProviderRow, message: Rendered): Promise<ProviderError | null> {
    const provider = instanceOf(row)
    if (provider === null) return null
    try {
      // A link that unsubscribes does not belong into a preview.
      const harmless = message.channel === 'EMAIL' ? { ...message, unsubscribeUrl: null } : message
      await provider.send(harmless, new AbortController().signal)
      return null
    } catch (error) {
      if (error instanceof Rehearsed) return null
      if (error instanceof ProviderError) return error
      log.error('A provider threw an unexpected error', { provider: row.key, error: String(error) })
      return new ProviderError('unknown', 'INTERNAL', 'The provider failed on our side.', { about: 'message' })
    }
  }

  /** Tries the targets as an attempt does: all devices, or the next provider where one refuses for reasons of its own. */
  async function tryTargets(
    { channel }: Rehearsable,
    { targets, at }: Pick<Outbound, 'targets' | 'at'>,
    rowOf: (target: Target) => ProviderRow | undefined,
  ): Promise<{ readonly target: Target | undefined; readonly reason: Problem | null }> {
    let refusal: ProviderError | null = null
    for (const target of targets) {
      const row = rowOf(target)
      const error = row === undefined ? null : await tryProvider(row, at(target))
      if (error === null) return { target, reason: null }
      refusal = error
      if (!goesToAll(channel) && !mayTryNext(error, false)) break
    }
    return { target: targets[0], reason: refusal === null ? null : problem(refusal.code, refusal.message) }
  }

  return {
    async rehearse(message, providers, { contents, renderer }) {
      const { project, template, decision, digest, ...rest } = message
      const composable = {
        ...rest,
        project,
        projectId: project.id,
        id: EXAMPLE_ID,
        createdAt: new Date(),
        sendAt: null,
        template,
      }
      const composed = renderDecided({ contents, renderer, links: { unsubscribe: () => '#' } }, composable, decision, digest)
      if (composed.kind === 'failed' || composed.kind === 'skipped') return { ...noTexts, target: null, reason: composed.reason }
      if (composed.kind === 'in-app') {
        const { title, body } = composed.text
        return { ...noTexts, title, body, target: null, reason: null }
      }
      const rowOf = (target: Target) => providers.find((one) => one.id === target.providerId)
      const { target = null, reason } = await tryTargets(message, composed, rowOf)
      const texts = textsOf(composed, target, target === null ? undefined : rowOf(target))
      return { ...texts, target, reason }
    },
    close: () => open.clear(),
  }
}

/** Where a message would not go anywhere, its texts are shown all the same. */
const NOWHERE: Target = { providerId: '', provider: '', address: '', channelName: null, kind: 'capture' }

/** A message's id, while it has none. */
const EXAMPLE_ID = '00000000-0000-7000-8000-000000000000'

/** Whether a text is measured in the bytes of EUC-KR: by the provider's kind, for numbers of its country. */
const countsBytes = (row: ProviderRow | undefined, address: string): boolean =>
  row !== undefined &&
  kindOf(row.kind).smsEncoding === 'EUC-KR' &&
  readPhone(address, { country: null, home: HOME_COUNTRY })?.country === HOME_COUNTRY

/** The texts as they would arrive: a push or a chat within the limits of its platform. */
function textsOf(composed: Outbound, target: Target | null, row: ProviderRow | undefined): RehearsedTexts {
  const { subject, html, text } = composed
  const message = composed.at(target ?? NOWHERE)
  switch (message.channel) {
    case 'EMAIL':
      return {
        ...noTexts,
        subject,
        html,
        text,
        from: message.from,
        replyTo: message.replyTo,
        cc: message.cc,
        bcc: message.bcc,
      }
    case 'SMS':
      return {
        ...noTexts,
        title: message.title,
        body: message.body,
        sms: smsSize(message.body, countsBytes(row, message.address)),
      }
    case 'PUSH':
    case 'WEB_PUSH': {
      const { title, body } = message
      try {
        const fitted = row === undefined ? undefined : kindOf(row.kind).fit?.(message)
        if (fitted === undefined) return { ...noTexts, title, body }
        return { ...noTexts, title: fitted.message.title, body: fitted.message.body, truncated: fitted.truncated }
      } catch (error) {
        // It is too large even without its texts, which is the reason why it would not be sent.
        if (error instanceof ProviderError || error instanceof CarillonError) return { ...noTexts, title, body }
        throw error
      }
    }
    case 'CHAT': {
      const whole = message.body.toWellFormed()
      const body = row === undefined ? whole : (kindOf(row.kind).cut?.(whole) ?? whole)
      return { ...noTexts, body, truncated: body !== whole }
    }
    default:
      return { ...noTexts, body: text }
  }
}
