/**
 * `/exports/NAME.csv`: a whole list as a file, with the filters of the list. It is written as fast as the client reads it, a chunk at a time,
 * and ends when the client leaves.
 */
import type { Carillon } from '../carillon.ts'
import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import { csvLine } from '../values/csv.ts'
import { channels, messageStatuses } from '../words.ts'
import type { ProjectRoute } from './route.ts'

/** What the routes need. */
export interface ExportDeps {
  readonly exports: Carillon['exports']
  /** Runs work for a project. */
  runFor<T>(projectId: string, work: () => T): T
  readonly now: () => Date
}

type ProjectCaller = Extract<Caller, { kind: 'project' }>
type Chunk<T> = (last: string | null) => Promise<{ readonly rows: readonly T[]; readonly last: string | null }>

/** Exports that one process writes at a time: for a project, and in all. */
const AT_A_TIME = { project: 2, all: 8 } as const

const bad = (field: string, message: string): CarillonError =>
  new CarillonError('BAD_INPUT', { field, message: `${field}: ${message}` })

/** The parameters of a request, each of those that are known. Lists are repeated or separated by commas. @throws BAD_INPUT */
function readQuery(query: URLSearchParams, known: readonly string[]) {
  for (const name of query.keys())
    if (!known.includes(name)) throw bad(name, `is not a filter of this list. There are: ${known.join(', ')}.`)
  const one = (name: string): string | null => {
    const values = query.getAll(name)
    if (values.length > 1) throw bad(name, 'is given twice.')
    return (values[0] ?? '') === '' ? null : (values[0] ?? null)
  }
  const list = (name: string): string[] | null => {
    const values = query
      .getAll(name)
      .flatMap((value) => value.split(','))
      .map((value) => value.trim())
      .filter((value) => value !== '')
    return values.length === 0 ? null : values
  }
  const oneOf = <T extends string>(name: string, all: readonly T[]): T[] | null =>
    list(name)?.map((value) => {
      const found = all.find((each) => each === value)
      if (found === undefined) throw bad(name, `${value} is none of ${all.join(', ')}.`)
      return found
    }) ?? null
  const time = (name: string): Date | null => {
    const value = one(name)
    if (value === null) return null
    const date = new Date(value)
    if (Number.isNaN(date.getTime())) throw bad(name, 'is not a time (ISO 8601).')
    return date
  }
  return { one, list, oneOf, time }
}

/** Chunk after chunk, until one has nothing. */
async function* lines<T>(head: readonly string[], chunk: Chunk<T>, linesOf: (row: T) => string): AsyncGenerator<string> {
  yield csvLine(head)
  let last: string | null = null
  for (;;) {
    const read = await chunk(last)
    last = read.last
    if (last === null) return
    if (read.rows.length > 0) yield read.rows.map(linesOf).join('')
  }
}

const notificationHead = [
  ...['notificationId', 'id', 'transactionId', 'createdAt', 'sendAt', 'canceledAt', 'template', 'contact'],
  ...['messageId', 'channel', 'status', 'address', 'provider', 'providerMessageId', 'subject', 'attempts'],
  ...['sentAt', 'deliveredAt', 'errorCode', 'errorMessage'],
]
const contactFields = ['externalId', 'email', 'phone', 'firstName', 'lastName', 'locale', 'timezone', 'country'] as const
const contactHead = [...contactFields, 'properties', 'createdAt', 'updatedAt']

type RowOf<C extends (last: string | null) => Promise<{ readonly rows: readonly unknown[] }>> = Awaited<
  ReturnType<C>
>['rows'][number]
type NotificationRow = RowOf<ReturnType<Carillon['exports']['notifications']>>
type ContactRow = RowOf<Awaited<ReturnType<Carillon['exports']['contacts']>>>

/** A line for each message; one for a notification without any. */
function notificationLines({
  id,
  key,
  transactionId,
  createdAt,
  sendAt,
  canceledAt,
  template,
  contact,
  messages,
}: NotificationRow): string {
  const own = [id, key, transactionId, createdAt, sendAt, canceledAt, template?.key, contact?.externalId]
  if (messages.length === 0) return csvLine([...own, ...Array<null>(12).fill(null)])
  return messages
    .map((one) =>
      csvLine([
        ...[...own, one.id, one.channel, one.status, one.address, one.provider?.key, one.providerMessageId, one.subject],
        ...[one.attemptCount, one.sentAt, one.deliveredAt, one.errorCode, one.errorMessage],
      ]),
    )
    .join('')
}

const contactLine = (row: ContactRow): string =>
  csvLine([...contactFields.map((field) => row[field]), row.properties, row.createdAt, row.updatedAt])

/** Creates the routes. */
export function createExportRoutes({ exports, runFor, now }: ExportDeps): ProjectRoute[] {
  const running = new Map<string, number>()

  /** @throws FORBIDDEN without the scope `read`, or if personal data is masked; OVERLOADED, RATE_LIMITED when too many are running */
  function admit({ project, scopes, maskPersonalData }: ProjectCaller): void {
    if (!scopes.has('read')) throw new CarillonError('FORBIDDEN', { message: 'An export takes the scope read.' })
    if (maskPersonalData)
      throw new CarillonError('FORBIDDEN', { message: 'An export has personal data, which is masked for you.' })
    if ((running.get(project.id) ?? 0) >= AT_A_TIME.project) {
      const message = `The project has ${AT_A_TIME.project} exports at a time. Wait for one to end.`
      throw new CarillonError('RATE_LIMITED', { message, max: AT_A_TIME.project, retryAfterSeconds: 10 })
    }
    const all = [...running.values()].reduce((sum, count) => sum + count, 0)
    if (all >= AT_A_TIME.all) throw new CarillonError('OVERLOADED', { retryAfterSeconds: 10 })
  }
  /** Counts an export while it is read. */
  async function* counted(projectId: string, content: AsyncGenerator<string>): AsyncGenerator<string> {
    running.set(projectId, (running.get(projectId) ?? 0) + 1)
    try {
      yield* content
    } finally {
      const left = (running.get(projectId) ?? 1) - 1
      if (left === 0) running.delete(projectId)
      else running.set(projectId, left)
    }
  }
  const reply = (name: string, { project }: ProjectCaller, content: AsyncGenerator<string>) => ({
    status: 200,
    headers: {
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': `attachment; filename="${name}-${project.key.replace(/[^\w.-]+/g, '_')}-${now().toISOString().slice(0, 10)}.csv"`,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    },
    stream: counted(project.id, content),
  })
  const forProject =
    <T>(projectId: string, chunk: Chunk<T>): Chunk<T> =>
    (last) =>
      runFor(projectId, () => chunk(last))

  return [
    {
      method: 'GET',
      path: '/exports/notifications.csv',
      auth: 'project',
      takesSession: true,
      handle({ query, caller }) {
        admit(caller)
        const known = ['search', 'statuses', 'channels', 'templates', 'emails', 'contact', 'transactionId', 'from', 'to']
        const { one, list, oneOf, time } = readQuery(query, known)
        const { id } = caller.project
        const chunk = exports.notifications(id, {
          ...{ search: one('search'), contact: one('contact'), transactionId: one('transactionId') },
          ...{ statuses: oneOf('statuses', messageStatuses), channels: oneOf('channels', channels) },
          ...{ templates: list('templates'), emails: list('emails'), from: time('from'), to: time('to') },
        })
        return reply('notifications', caller, lines(notificationHead, forProject(id, chunk), notificationLines))
      },
    },
    {
      method: 'GET',
      path: '/exports/contacts.csv',
      auth: 'project',
      takesSession: true,
      async handle({ query, caller }) {
        admit(caller)
        const { one } = readQuery(query, ['search', 'email', 'phone', 'topic', 'segment'])
        const { id } = caller.project
        const filter = {
          search: one('search'),
          email: one('email'),
          phone: one('phone'),
          topic: one('topic'),
          segment: one('segment'),
        }
        const chunk = await runFor(id, () => exports.contacts(id, filter))
        return reply('contacts', caller, lines(contactHead, forProject(id, chunk), contactLine))
      },
    },
  ]
}
