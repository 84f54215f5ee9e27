/** `/exports/*.csv`: whole lists as files, of any length, in the memory of one chunk. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { csvCell, csvLine } from '../../src/values/csv.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { CreateApiKey, Send, UpsertContacts } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const ROWS = 20_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let app: TestApp
let project: TestProject
let database: pg.Pool
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  database = new pg.Pool({ connectionString: app.databaseUrl, max: 2 })
})
afterAll(async () => {
  await database.end()
  await app.stop()
})

const get = (path: string, key = project.apiKey, init: RequestInit = {}): Promise<Response> =>
  fetch(`${app.url}/exports/${path}`, { ...init, headers: { authorization: `Bearer ${key}` } })
/** The cells of a file none of whose cells has a line break. */
const cellsOf = (text: string): string[][] =>
  text
    .split('\r\n')
    .slice(0, -1)
    .map((line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].slice(0, -1).map(([, cell = '']) => cell))
const contacts = (projectId: string, count: number, size = 200): Promise<unknown> =>
  database.query(
    `INSERT INTO contact (project_id, id, external_id, email, first_name, properties)
     SELECT $1, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'c-' || n, 'c' || n || '@example.com', 'Näme, "' || n || '"',
       jsonb_build_object('note', repeat('x', $3::int))
     FROM generate_series(1, $2::int) n`,
    [projectId, count, size],
  )

it('quotes as RFC 4180 has it, and makes no formula of a text', () => {
  expect(csvLine(['a', 'b, c', 'say "no"', 'two\nlines', null, 7, -7, true])).toBe(
    'a,"b, c","say ""no""","two\nlines",,7,-7,true\r\n',
  )
  expect(['=1+1', '+1', '-1', '@x', '\tx', '\rx', 'a=b'].map(csvCell)).toEqual([
    "'=1+1",
    "'+1",
    "'-1",
    "'@x",
    "'\tx",
    '"\'\rx"',
    'a=b',
  ])
  expect(csvCell(new Date(0))).toBe('1970-01-01T00:00:00.000Z')
  expect(csvCell({ a: '=b' })).toBe('"{""a"":""=b""}"')
})

it(`writes ${ROWS} contacts, each once and in order, and holds a few chunks of them at a time`, async () => {
  const { id, apiKey, key } = await app.project()
  await contacts(id, ROWS, 1_000)
  const response = await get('contacts.csv', apiKey)
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
  expect(response.headers.get('content-disposition')).toMatch(
    new RegExp(`^attachment; filename="contacts-${key}-\\d{4}-\\d\\d-\\d\\d\\.csv"$`),
  )
  const held = (): number => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const before = held()
  let peak = 0
  let parts = 0
  let bytes = 0
  let lines = 0
  let rest = ''
  const decoder = new TextDecoder()
  for await (const part of response.body ?? []) {
    if (parts++ % 50 === 0) peak = Math.max(peak, held() - before)
    bytes += part.byteLength
    const found = (rest + decoder.decode(part, { stream: true })).split('\r\n')
    rest = found.pop() ?? ''
    for (const line of found) {
      if (lines > 0 && !line.startsWith(`c-${lines},c${lines}@example.com,,"Näme, ""${lines}""",`))
        expect(line).toBe(`line ${lines}`)
      lines += 1
    }
  }
  expect([lines, rest]).toEqual([ROWS + 1, ''])
  expect(bytes).toBeGreaterThan(20_000_000)
  // A few chunks, and what the connection holds.
  expect(peak).toBeLessThan(12_000_000)
})

it('reads ahead of its client by a few chunks and no more, and stops when the client leaves', async () => {
  const { id, apiKey } = await app.project()
  await contacts(id, ROWS)
  const left = new AbortController()
  const responses = [
    await get('contacts.csv', apiKey, { signal: left.signal }),
    await get('contacts.csv', apiKey, { signal: left.signal }),
  ]
  // Both are under way, because nobody reads them: a third one would be too many.
  const third = await get('contacts.csv', apiKey)
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '10'])
  left.abort()
  for (const response of responses) await response.text().catch(() => '')
  await until('the two have ended', async () => {
    const again = await get('contacts.csv', apiKey)
    await again.body?.cancel()
    return again.status === 200
  })
})

it('writes the messages of notifications, with the filters of the list', async () => {
  await project.api.do(Send, {
    messages: times(3, (n) => ({
      ...{ id: `=bill-${n}`, template: 'order', data: { number: n } },
      contact: { externalId: `c-${n}`, email: `c${n}@example.com` },
    })),
    wait: 'SENT',
  })
  await project.api.do(Send, { messages: [{ template: 'note', contact: { externalId: 'c-1' }, data: { n: 1 } }] })
  const text = await (await get('notifications.csv?templates=order')).text()
  const [head = [], ...rows] = cellsOf(text)
  const column = (name: string) => rows.map((row) => row[head.indexOf(name)])
  expect(rows).toHaveLength(9)
  expect(column('contact').filter((_one, index) => index % 3 === 0)).toEqual(['c-2', 'c-1', 'c-0'])
  expect(new Set(column('id'))).toEqual(new Set(["'=bill-0", "'=bill-1", "'=bill-2"]))
  expect(rows.map((row) => [row[head.indexOf('channel')], row[head.indexOf('status')]])).toContainEqual(['SMS', 'SKIPPED'])
  expect(column('errorCode').filter((code) => code !== '')).toEqual(['ADDRESS_MISSING', 'ADDRESS_MISSING', 'ADDRESS_MISSING'])
  const narrowed = cellsOf(await (await get('notifications.csv?contact=c-1&channels=IN_APP,EMAIL')).text())
  expect(new Set(narrowed.slice(1).map((row) => row[head.indexOf('contact')]))).toEqual(new Set(['c-1']))
  const none = await (await get('notifications.csv?search=nothing%20like%20it')).text()
  expect(none.split('\r\n')).toHaveLength(2)
})

it('goes on after its chunks, newest first', async () => {
  const { id, apiKey } = await app.project()
  await database.query(
    `INSERT INTO notification (project_id, id, transaction_id) SELECT $1, ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 't-' || n
     FROM generate_series(1, 1200) n`,
    [id],
  )
  const rows = cellsOf(await (await get('notifications.csv', apiKey)).text()).slice(1)
  expect(rows.map((row) => row[2])).toEqual(times(1_200, (n) => `t-${1_200 - n}`))
})

it('says what is wrong with a filter, and asks for the scope', async () => {
  const codes = async (response: Response): Promise<unknown> => {
    const body = (await response.json()) as {
      readonly errors: readonly { readonly extensions: { readonly code: string; readonly field?: string } }[]
    }
    return [response.status, body.errors[0]?.extensions.code, body.errors[0]?.extensions.field]
  }
  expect(await codes(await get('notifications.csv?statuses=SOLD'))).toEqual([400, 'BAD_INPUT', 'statuses'])
  expect(await codes(await get('notifications.csv?from=yesterday'))).toEqual([400, 'BAD_INPUT', 'from'])
  expect(await codes(await get('contacts.csv?colour=red'))).toEqual([400, 'BAD_INPUT', 'colour'])
  expect(await codes(await fetch(`${app.url}/exports/contacts.csv`))).toEqual([401, 'UNAUTHENTICATED', undefined])
  const { createApiKey } = await project.api.do(CreateApiKey, { name: 'sender', scopes: ['SEND'] })
  expect(await codes(await get('contacts.csv', createApiKey.secret))).toEqual([403, 'FORBIDDEN', undefined])
  const head = await fetch(`${app.url}/exports/contacts.csv`, {
    method: 'HEAD',
    headers: { authorization: `Bearer ${project.apiKey}` },
  })
  expect([head.status, await head.text()]).toEqual([200, ''])
})

it('has every contact that was written, after special characters too', async () => {
  const { api, apiKey } = await app.project()
  const phone = '+15005550006'
  await api.do(UpsertContacts, { contacts: [{ externalId: '@home', firstName: 'a\r\nb', lastName: '안녕', phone }] })
  const text = await (await get('contacts.csv', apiKey)).text()
  expect(text.slice(text.indexOf('\r\n') + 2)).toMatch(/^'@home,,'\+15005550006,"a\r\nb",안녕,/)
})
