/** Suppressions: addresses that nothing is sent to. */
import { type Database, type Runner, transact } from '../db/database.ts'
import type { Suppression } from '../db/generated/client.ts'
import { addSuppressions, type SuppressionRow } from '../db/suppression.ts'
import { takeBackTo } from '../db/take-back.ts'
import { CarillonError } from '../errors.ts'
import { atIndex, checkList, checkText, mailboxOf } from './check.ts'
import type { Clock } from './clock.ts'
import { type Ids, isUuid } from './ids.ts'
import type { Channel, SuppressionReason } from './words.ts'

/** An address as suppressions compare it: e-mail without case, numbers without separators, others as they are. */
export function suppressionKey(channel: Channel, address: string): string {
  if (channel === 'EMAIL') return (mailboxOf(address) ?? address).toLowerCase()
  if (channel === 'SMS' || channel === 'ALIMTALK' || channel === 'FRIENDTALK') return address.replace(/[\s().-]/g, '')
  return address
}

/** What suppressing works with. `wake` is called after the commit. */
export interface SuppressDeps {
  readonly db: Database
  readonly clock: Clock
  wake(): void
}

/**
 * Suppresses addresses, as suppressions compare them, in a transaction of the caller's.
 * @returns what to call once that is committed
 */
export async function suppressWithin(
  tx: Runner,
  { db, clock, wake }: SuppressDeps,
  projectId: string,
  rows: readonly SuppressionRow[],
): Promise<() => Promise<void>> {
  await addSuppressions(tx, projectId, rows)
  const taken = await takeBackTo(tx, projectId, rows, clock.offsetMs)
  return async () => {
    const late = await takeBackTo(db.pool, projectId, rows, clock.offsetMs)
    if (taken + late > 0) wake()
  }
}

/** Suppresses addresses, as suppressions compare them. Nothing to them that waits in a worker's hands goes out any more. */
export async function suppress(deps: SuppressDeps, projectId: string, rows: readonly SuppressionRow[]): Promise<void> {
  const finish = await transact(deps.db.pool, (tx) => suppressWithin(tx, deps, projectId, rows))
  await finish()
}

/** Makes the operations of suppressions. */
export function createSuppressions(deps: SuppressDeps & { readonly ids: Ids }) {
  const { db, ids } = deps

  /** Suppresses addresses; one that is suppressed already stays as it is. @returns all of them, in the order given */
  async function add(
    projectId: string,
    list: readonly { readonly channel: Channel; readonly address: string }[],
    reason: SuppressionReason,
  ): Promise<Suppression[]> {
    const rows = list.map(({ channel, address }, index) => ({
      id: ids(),
      channel,
      address: atIndex(index, () => checkAddress(channel, address)),
      reason,
    }))
    await suppress(deps, projectId, rows)
    const found = await db.prisma.suppression.findMany({
      where: { projectId, OR: rows.map(({ channel, address }) => ({ channel, address })) },
    })
    const byKey = new Map(found.map((one) => [`${one.channel} ${one.address}`, one]))
    return rows.flatMap(({ channel, address }) => byKey.get(`${channel} ${address}`) ?? [])
  }

  return {
    add: (projectId: string, list: readonly { readonly channel: Channel; readonly address: string }[]) =>
      add(projectId, checkList('suppressions', list, 1000), 'MANUAL'),
    because: add,

    /** Lets an address be used again. @throws NOT_FOUND */
    async remove(projectId: string, id: string): Promise<Suppression> {
      const where = { projectId_id: { projectId, id } }
      const found = isUuid(id) ? await db.prisma.suppression.findUnique({ where }) : null
      if (found === null) throw new CarillonError('NOT_FOUND', { message: 'There is no such suppression.' })
      await db.prisma.suppression.deleteMany({ where: { projectId, id } })
      return found
    },
  }
}

function checkAddress(channel: Channel, address: string): string {
  if (channel === 'IN_APP')
    throw new CarillonError('CHANNEL_UNSUPPORTED', { field: 'channel', message: 'The feed has no addresses.' })
  if (channel === 'EMAIL' && mailboxOf(address) === null) {
    throw new CarillonError('ADDRESS_INVALID', { field: 'address', message: 'address: is not one e-mail address.' })
  }
  if (address.trim() === '') throw new CarillonError('ADDRESS_INVALID', { field: 'address', message: 'address: is empty.' })
  return suppressionKey(channel, checkText('address', address, 4096))
}
