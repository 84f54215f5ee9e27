/** Suppressions: addresses to which nothing is sent. */
import { rowsOf } from '../db/audit.ts'
import { type Database, type Runner, transact } from '../db/database.ts'
import type { Prisma, Suppression } from '../db/generated/client.ts'
import { hashedName } from '../db/hash.ts'
import { revokeClaimsToAddresses } from '../db/revoke-claims.ts'
import { addSuppressions, type SuppressionRow } from '../db/suppression.ts'
import { CarillonError } from '../errors.ts'
import { addressKey, checkEmail } from '../values/mailbox.ts'
import { checkPhone, phoneKey, phoneKeys } from '../values/phone.ts'
import { type Channel, channelTraits } from '../words.ts'
import type { Audit, By } from './audit.ts'
import { atIndex, checkList, checkText, literally } from './check.ts'
import type { Clock } from './clock.ts'
import type { Cursors } from './cursor.ts'
import { type Ids, isUuid } from './ids.ts'
import { type ListPage, type Loading, readPage, type SearchArgs } from './page.ts'

/**
 * The form in which addresses are compared: e-mail in lower case, phone numbers as they are dialled (`country`: of the contact, if there is
 * one), others unchanged.
 */
export function suppressionKey(channel: Channel, address: string, country: string | null = null): string {
  const kind = channelTraits[channel].address
  if (kind === 'email') return addressKey(address)
  if (kind === 'phone') return phoneKey(address, country)
  return address
}

/** The forms under which an address may be suppressed: `suppressionKey`, and for numbers those of suppressions that are older than it. */
export const suppressionKeys = (channel: Channel, address: string, country: string | null = null): string[] =>
  channelTraits[channel].address === 'phone' ? phoneKeys(address, country) : [suppressionKey(channel, address)]

/** `wake` is called after the commit. */
export interface SuppressDeps {
  readonly db: Database
  readonly clock: Clock
  wake(): void
}

/**
 * Suppresses addresses (in the form of `suppressionKey`) in the caller's transaction.
 * @returns a function to call after the commit
 */
export async function suppressWithin(
  tx: Runner,
  { db, clock, wake }: SuppressDeps,
  projectId: string,
  rows: readonly SuppressionRow[],
): Promise<() => Promise<void>> {
  await addSuppressions(tx, projectId, rows)
  const revoked = await revokeClaimsToAddresses(tx, projectId, rows, clock.offsetMs)
  return async () => {
    const late = await revokeClaimsToAddresses(db.pool, projectId, rows, clock.offsetMs)
    if (revoked + late > 0) wake()
  }
}

/** Suppresses addresses (in the form of `suppressionKey`). Claimed messages to them whose attempt has not begun are not sent any more. */
export async function suppress(deps: SuppressDeps, projectId: string, rows: readonly SuppressionRow[]): Promise<void> {
  const finish = await transact(deps.db.pool, (tx) => suppressWithin(tx, deps, projectId, rows))
  await finish()
}

/** Creates the operations of suppressions. */
export function createSuppressions(deps: SuppressDeps & { readonly ids: Ids; readonly cursors: Cursors; readonly audit: Audit }) {
  const { db, ids, cursors, audit } = deps

  /**
   * Suppresses addresses; one that is suppressed already keeps its row.
   * @returns all of them, in the order of the input
   * @throws ADDRESS_INVALID
   */
  async function add(
    projectId: string,
    list: readonly { readonly channel: Channel; readonly address: string }[],
    by: By,
  ): Promise<Suppression[]> {
    checkList('suppressions', list, 1000)
    const rows = list.map(({ channel, address }, index) => ({
      id: ids(),
      channel,
      address: atIndex(index, () => checkAddress(channel, address)),
      reason: 'MANUAL' as const,
    }))
    const change = { projectId, operation: 'addSuppressions', by } as const
    const names = rows.map((row) => row.id)
    const finish = await transact(db.pool, (tx) =>
      audit.changed(rowsOf(tx), change, 'SUPPRESSION', names, () => suppressWithin(tx, deps, projectId, rows)),
    )
    await finish()
    const found = await db.prisma.suppression.findMany({
      where: { projectId, OR: rows.map(({ channel, address }) => ({ channel, address })) },
    })
    const byKey = new Map(found.map((one) => [`${one.channel} ${one.address}`, one]))
    return rows.flatMap(({ channel, address }) => byKey.get(`${channel} ${address}`) ?? [])
  }

  return {
    /** Suppressed addresses, newest first; `search`: those that contain it. @throws BAD_INPUT, BAD_CURSOR */
    async list(
      projectId: string,
      page: SearchArgs,
      query: Loading<Prisma.SuppressionDefaultArgs> = {},
    ): Promise<ListPage<Suppression>> {
      const wanted = checkText('search', page.search ?? '', 255).trim()
      // Of an erased person there is a hash, which is no address to be found by.
      const like = wanted === '' ? {} : { isHash: false, address: { contains: literally(wanted), mode: 'insensitive' as const } }
      return readPage(cursors, page, {
        name: 'suppressions',
        projectId,
        order: 'newest-first',
        read: ({ where, ...order }) =>
          db.prisma.suppression.findMany({ ...query, where: { projectId, ...like, ...where }, ...order }),
        total: () => db.prisma.suppression.count({ where: { projectId, ...like } }),
      })
    },

    add,

    /** Removes a suppression, so that the address is used again. @throws NOT_FOUND */
    async remove(projectId: string, id: string, by: By): Promise<Suppression> {
      const missing = new CarillonError('NOT_FOUND', { message: 'There is no such suppression.' })
      if (!isUuid(id)) throw missing
      return audit.change({ projectId, operation: 'removeSuppression', by }, 'SUPPRESSION', [id], async (tx) => {
        const found = await tx.suppression.findUnique({ where: { projectId_id: { projectId, id } } })
        if (found === null) throw missing
        // The address may have been erased and suppressed again: then there is a hash of it too.
        const { channel, address } = found
        await tx.suppression.deleteMany({
          where: { projectId, OR: [{ id }, { channel, address: hashedName(projectId, address), isHash: true }] },
        })
        return found
      })
    },
  }
}

function checkAddress(channel: Channel, address: string): string {
  if (channel === 'IN_APP')
    throw new CarillonError('CHANNEL_UNSUPPORTED', { field: 'channel', message: 'The feed has no addresses.' })
  if (channel === 'EMAIL') checkEmail('address', address)
  if (channelTraits[channel].address === 'phone') checkPhone('address', address)
  if (address.trim() === '') throw new CarillonError('ADDRESS_INVALID', { field: 'address', message: 'address: is empty.' })
  return suppressionKey(channel, checkText('address', address, 4096))
}
