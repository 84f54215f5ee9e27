/** Credentials: what a provider needs to reach a contact that is not a field of the contact, such as device tokens. */
import type { Database } from '../db/database.ts'
import { addDeviceTokens } from '../db/device-token.ts'
import { CarillonError } from '../errors.ts'
import { channelTraits, needsCredentials } from '../words.ts'
import { checkJson, checkText } from './check.ts'
import type { Clock } from './clock.ts'
import { HIDDEN, shownAddress } from './mask.ts'
import type { Vendors } from './provider.ts'

/** The input of `setCredentials`: a field that is left out keeps its value, null removes it. */
export interface CredentialInput {
  readonly deviceTokens?: readonly string[] | null | undefined
  readonly webhookUrl?: string | null | undefined
  readonly channelName?: string | null | undefined
}

/** At most this many device tokens of one contact at one provider. */
const DEVICES_MAX = 1_000
const TOKEN_MAX = 10_240

/** Creates the operation on credentials. */
export function createCredentials({
  db,
  clock,
  vendors,
}: {
  readonly db: Database
  readonly clock: Clock
  readonly vendors: Pick<Vendors, 'wrongAddress'>
}) {
  /** Checks an address as the provider reads it when it sends. @throws ADDRESS_INVALID, which does not repeat it */
  function checkAddress(kind: string, field: string, address: string, index?: number): string {
    const wrong = vendors.wrongAddress(kind, address)
    if (wrong === null) return address
    const where = index === undefined ? field : `${field}[${index}]`
    throw new CarillonError('ADDRESS_INVALID', {
      field,
      ...(index === undefined ? {} : { index }),
      message: `${where}: ${wrong}`,
    })
  }

  function checkTokens(tokens: readonly string[]): string[] {
    if (tokens.length > DEVICES_MAX) {
      throw new CarillonError('BATCH_TOO_LARGE', {
        field: 'deviceTokens',
        max: DEVICES_MAX,
        got: tokens.length,
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
     * Sets a contact's credentials at a provider; a list of device tokens replaces the stored one, or with `isAdded` is added to it.
     * @throws NOT_FOUND for a provider that does not exist; CHANNEL_UNSUPPORTED for one that uses a field of the contact; BATCH_TOO_LARGE,
     *   ADDRESS_INVALID, BAD_INPUT
     */
    async set(
      key: { readonly projectId: string; readonly contactId: string },
      provider: string,
      input: CredentialInput,
      isAdded = false,
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
      const isPush = channelTraits[found.channel].address === 'device'
      const { deviceTokens, webhookUrl, channelName } = input
      if (isPush ? webhookUrl !== undefined || channelName !== undefined : deviceTokens !== undefined) {
        throw new CarillonError('BAD_INPUT', {
          field: isPush ? 'webhookUrl' : 'deviceTokens',
          message: isPush ? 'A push provider takes deviceTokens.' : `A provider of ${found.channel} takes a webhookUrl.`,
        })
      }
      if (channelName !== undefined && channelName !== null) checkJson('channelName', checkText('channelName', channelName, 255))
      for (const [index, token] of (tokens ?? []).entries()) checkAddress(found.kind, 'deviceTokens', token, index)
      if (isPush && isAdded) {
        const credential = { projectId, contactId, providerId: found.id }
        const added = await addDeviceTokens(db.pool, credential, tokens ?? [], { at: clock.now(), max: DEVICES_MAX })
        if (added) return
        throw new CarillonError('BATCH_TOO_LARGE', {
          field: 'deviceTokens',
          max: DEVICES_MAX,
          message: `deviceTokens: with those that are stored, there are more than ${DEVICES_MAX}.`,
        })
      }
      const where = { projectId_contactId_providerId: { projectId, contactId, providerId: found.id } }
      const isMask = typeof webhookUrl === 'string' && webhookUrl.includes(HIDDEN)
      const stored = isMask ? await db.prisma.credential.findUnique({ where }) : null
      // What is shown in place of the stored address is given back: the address stays.
      const isKept = isMask && shownAddress(found.channel, stored?.webhookUrl ?? null) === webhookUrl
      const data = {
        ...(tokens === undefined ? {} : { deviceTokens: tokens }),
        ...(webhookUrl === undefined || isKept
          ? {}
          : {
              webhookUrl:
                webhookUrl === null ? null : checkAddress(found.kind, 'webhookUrl', checkText('webhookUrl', webhookUrl)),
            }),
        ...(channelName === undefined ? {} : { channelName }),
        updatedAt: clock.now(),
      }
      await db.prisma.credential.upsert({ where, create: { projectId, contactId, providerId: found.id, ...data }, update: data })
    },
  }
}
