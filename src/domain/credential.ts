/** Credentials: how a contact is reached through a provider that needs more than a field of the contact. */
import type { Database } from '../db/database.ts'
import { CarillonError } from '../errors.ts'
import { checkJson, checkText, checkWebUrl } from './check.ts'
import type { Clock } from './clock.ts'
import { needsCredentials } from './target.ts'

/** What is set; a field left out stays as it is, null removes it. */
export interface CredentialInput {
  readonly deviceTokens?: readonly string[] | null | undefined
  readonly webhookUrl?: string | null | undefined
  readonly channelName?: string | null | undefined
}

/** At most so many devices of one contact at one provider. */
const DEVICES_MAX = 1_000
const TOKEN_MAX = 10_240

/** Makes the operation. */
export function createCredentials({ db, clock }: { readonly db: Database; readonly clock: Clock }) {
  function checkTokens(tokens: readonly string[]): string[] {
    if (tokens.length > DEVICES_MAX) {
      throw new CarillonError('BATCH_TOO_LARGE', {
        ...{ field: 'deviceTokens', max: DEVICES_MAX, got: tokens.length },
        message: `deviceTokens: has ${tokens.length} items, at most ${DEVICES_MAX} are allowed.`,
      })
    }
    return [
      ...new Set(
        tokens.map((token, index) => {
          if (token.trim() === '')
            throw new CarillonError('ADDRESS_INVALID', { field: 'deviceTokens', index, message: 'deviceTokens: one is empty.' })
          return checkText('deviceTokens', token, TOKEN_MAX)
        }),
      ),
    ]
  }

  return {
    /**
     * Sets how a contact is reached through a provider: what is given takes the place of what was there.
     * @throws NOT_FOUND for a provider that there is not; CHANNEL_UNSUPPORTED for one that goes to a field of the contact; BAD_INPUT
     */
    async set(
      key: { readonly projectId: string; readonly contactId: string },
      provider: string,
      input: CredentialInput,
    ): Promise<void> {
      const { projectId, contactId } = key
      const tokens = input.deviceTokens === undefined ? undefined : checkTokens(input.deviceTokens ?? [])
      const found = provider.includes('\0')
        ? null
        : await db.prisma.provider.findUnique({ where: { projectId_key: { projectId, key: provider } } })
      if (found === null) throw new CarillonError('NOT_FOUND', { field: 'provider', message: 'There is no such provider.' })
      if (!needsCredentials(found.channel)) {
        throw new CarillonError('CHANNEL_UNSUPPORTED', {
          field: 'provider',
          message: `Messages of ${found.channel} go to a field of the contact: there is nothing to set.`,
        })
      }
      const isPush = found.channel === 'PUSH' || found.channel === 'WEB_PUSH'
      const { deviceTokens, webhookUrl, channelName } = input
      if (isPush ? webhookUrl !== undefined || channelName !== undefined : deviceTokens !== undefined) {
        throw new CarillonError('BAD_INPUT', {
          field: isPush ? 'webhookUrl' : 'deviceTokens',
          message: isPush ? 'A push provider takes deviceTokens.' : `A provider of ${found.channel} takes a webhookUrl.`,
        })
      }
      if (channelName !== undefined && channelName !== null) checkJson('channelName', checkText('channelName', channelName, 255))
      const data = {
        ...(tokens === undefined ? {} : { deviceTokens: tokens }),
        ...(webhookUrl === undefined ? {} : { webhookUrl: webhookUrl === null ? null : checkWebUrl('webhookUrl', webhookUrl) }),
        ...(channelName === undefined ? {} : { channelName }),
        updatedAt: clock.now(),
      }
      const where = { projectId_contactId_providerId: { projectId, contactId, providerId: found.id } }
      await db.prisma.credential.upsert({ where, create: { projectId, contactId, providerId: found.id, ...data }, update: data })
    },
  }
}
