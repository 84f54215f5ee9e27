/** Transactions: what was sent to many, by whom, to whom, and what became of it. */
import type { Database } from '../db/database.ts'
import type { Prisma } from '../db/generated/client.ts'
import { hashedName } from '../db/hash.ts'
import {
  countStatuses,
  countTransactions,
  findTransaction,
  findTransactions,
  type StatusCountRow as StatusCount,
  type TransactionRow,
  type TransactionsFilter,
} from '../db/transaction.ts'
import { CarillonError } from '../errors.ts'
import { checkTime } from '../values/date-time.ts'
import type { TransactionKind, TransactionStatus } from '../words.ts'
import { checkText } from './check.ts'
import type { Cursors } from './cursor.ts'
import { firstIdAt } from './ids.ts'
import { type ListPage, type Loading, type PageArgs, readPage } from './page.ts'

export type { StatusCountRow as StatusCount } from '../db/transaction.ts'

/** A transaction, with its project. */
export interface Transaction extends TransactionRow {
  readonly projectId: string
  readonly kind: TransactionKind
}

/** The input: narrows the list; each part narrows further, lists mean any of. */
export interface TransactionFilter {
  readonly kinds?: readonly TransactionKind[] | null | undefined
  readonly by?: string | null | undefined
  readonly templates?: readonly string[] | null | undefined
  readonly topic?: string | null | undefined
  readonly segment?: string | null | undefined
  readonly campaign?: string | null | undefined
  readonly statuses?: readonly TransactionStatus[] | null | undefined
  readonly from?: Date | null | undefined
  readonly to?: Date | null | undefined
}

/** The messages of a transaction by channel and status, as far as they were counted. */
export interface StatusCounts {
  readonly counts: readonly StatusCount[]
  /** notifications whose messages were counted */
  readonly notifications: number
  /** these are all */
  readonly isWhole: boolean
}

/** Of a transaction, the messages of this many notifications are counted. */
export const STATUSES_COUNTED_MAX = 10_000
/** Templates of a filter. */
const TEMPLATES_MAX = 100
/** The id of a send is made before it is stored, by the clock of a process. */
const ID_LEEWAY_MS = 3_600_000

const none: TransactionsFilter = {
  ofCampaign: null,
  by: null,
  templates: null,
  topic: null,
  segment: null,
  campaign: null,
  campaignId: null,
  statuses: null,
  from: null,
  to: null,
  fromId: null,
  toId: null,
}

/** Creates the operations that read transactions. */
export function createTransactions({ db, cursors }: { readonly db: Database; readonly cursors: Cursors }) {
  function pageOf(projectId: string, name: string, filter: TransactionsFilter, page: PageArgs): Promise<ListPage<Transaction>> {
    return readPage(cursors, page, {
      name,
      projectId,
      order: 'newest-first',
      read: async ({ where: { id = {} }, orderBy, take }) => {
        const range = { after: id.gt ?? null, before: id.lt ?? null, ascending: orderBy.id === 'asc', limit: take }
        return (await findTransactions(db.pool, projectId, filter, range)).map((row) => shaped(projectId, row))
      },
      total: () => countTransactions(db.pool, projectId, filter),
    })
  }

  return {
    /** What was sent to many, newest first. @throws BAD_INPUT, BAD_CURSOR */
    list: async (projectId: string, filter: TransactionFilter, page: PageArgs): Promise<ListPage<Transaction>> =>
      pageOf(projectId, 'transactions', filterOf(filter), page),

    /** The runs of a campaign for its segment, newest first. @throws BAD_INPUT, BAD_CURSOR */
    runs: async (projectId: string, campaignId: string, page: PageArgs): Promise<ListPage<Transaction>> =>
      pageOf(projectId, `runs-${campaignId}`, { ...none, campaignId }, page),

    /** One transaction; null: nothing of it is stored. */
    async named(projectId: string, transactionId: string): Promise<Transaction | null> {
      if (transactionId.includes('\0')) return null
      // Its id may have named somebody who was erased.
      const row =
        (await findTransaction(db.pool, projectId, transactionId)) ??
        (await findTransaction(db.pool, projectId, hashedName(projectId, transactionId)))
      return row === null ? null : shaped(projectId, row)
    },

    /** What a transaction names; null: it was deleted. */
    templateOf: (projectId: string, id: string, query: Loading<Prisma.TemplateDefaultArgs>) =>
      db.prisma.template.findUnique({ ...query, where: { projectId_id: { projectId, id } } }),
    campaignOf: (projectId: string, id: string, query: Loading<Prisma.CampaignDefaultArgs>) =>
      db.prisma.campaign.findUnique({ ...query, where: { projectId_id: { projectId, id } } }),
    topicOf: (projectId: string, id: string, query: Loading<Prisma.TopicDefaultArgs>) =>
      db.prisma.topic.findUnique({ ...query, where: { projectId_id: { projectId, id } } }),
    segmentOf: (projectId: string, id: string, query: Loading<Prisma.SegmentDefaultArgs>) =>
      db.prisma.segment.findUnique({ ...query, where: { projectId_id: { projectId, id } } }),

    /** The messages of its first notifications, by channel and status. */
    async statuses({ projectId, transactionId }: Pick<Transaction, 'projectId' | 'transactionId'>): Promise<StatusCounts> {
      const { counts, notifications } = await countStatuses(db.pool, projectId, transactionId, STATUSES_COUNTED_MAX)
      return {
        counts,
        notifications: Math.min(notifications, STATUSES_COUNTED_MAX),
        isWhole: notifications <= STATUSES_COUNTED_MAX,
      }
    },
  }
}

function shaped(projectId: string, row: TransactionRow): Transaction {
  return { ...row, projectId, kind: row.campaignId !== null ? 'CAMPAIGN' : row.audience === null ? 'CALL' : 'BROADCAST' }
}

/** @throws BAD_INPUT */
function filterOf({ kinds, by, templates, topic, segment, campaign, statuses, from, to }: TransactionFilter): TransactionsFilter {
  const text = (field: string, value: string | null | undefined): string | null =>
    value === null || value === undefined ? null : checkText(field, value, 255)
  if (kinds?.includes('CALL')) {
    const message = 'kinds: calls for contacts that they name are not listed; look for their notifications.'
    throw new CarillonError('BAD_INPUT', { field: 'kinds', message })
  }
  if (templates && templates.length > TEMPLATES_MAX) {
    const message = `templates: has ${templates.length} items, at most ${TEMPLATES_MAX} are allowed.`
    throw new CarillonError('BAD_INPUT', { field: 'templates', max: TEMPLATES_MAX, got: templates.length, message })
  }
  if (topic !== null && topic !== undefined && segment !== null && segment !== undefined)
    throw new CarillonError('BAD_INPUT', { field: 'segment', message: 'topic and segment exclude each other.' })
  const ofCampaign = new Set(kinds?.map((kind) => kind === 'CAMPAIGN') ?? [])
  const [fromMs, toMs] = [from ? checkTime('from', from).getTime() : null, to ? checkTime('to', to).getTime() : null]
  return {
    ofCampaign: ofCampaign.size === 1 ? ofCampaign.has(true) : null,
    by: text('by', by),
    templates: templates?.map((key) => checkText('templates', key, 255)) ?? null,
    topic: text('topic', topic),
    segment: text('segment', segment),
    campaign: text('campaign', campaign),
    campaignId: null,
    statuses: statuses ?? null,
    from: from ?? null,
    to: to ?? null,
    fromId: fromMs === null ? null : firstIdAt(fromMs - ID_LEEWAY_MS),
    toId: toMs === null ? null : firstIdAt(toMs + ID_LEEWAY_MS),
  }
}
