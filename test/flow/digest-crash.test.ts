/** Closing is one transaction: the whole tree is killed, again and again, while windows close, and each event is in one digest all the same. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Feed, SendBare, UpsertContacts } from '../helpers/operations.ts'
import { UpsertTimed } from '../helpers/operations-digest.ts'
import { createTestDatabase } from '../helpers/postgres.ts'
import { newProject, newSecrets, type ServerProcess, startProcess } from '../helpers/process.ts'
import { times } from '../helpers/setup.ts'
import { killTree } from '../helpers/tree.ts'
import { until } from '../helpers/until.ts'

const FULL = process.env['TEST_FULL'] === '1'
const KILLS = FULL ? 10 : 2
const CONTACTS = FULL ? 500 : 100

let dir: string
const servers: ServerProcess[] = []
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-digest-'))
})
afterAll(async () => {
  for (const server of servers) killTree(server.pid)
  await rm(dir, { recursive: true, force: true })
})

it(`F39: puts each event into exactly one digest when everything is killed ${KILLS} times while windows close`, async () => {
  const secrets = newSecrets()
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ CARILLON_DIR: dir, ...secrets })
    servers.push(server)
    return server
  }
  let server = await start()
  const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
  const client = () => server.client(project.credential)
  await client().do(UpsertTimed, {
    templates: [
      {
        key: 'digest',
        inApp: [{ body: '{% for item in digest.items %}{{ item.n }} {% endfor %}' }],
        digest: { windowSeconds: 1 },
      },
    ],
  })
  const people = times(CONTACTS, (index) => `crash-${index}`)
  const accepted = new Set<string>()
  /** One event for everybody. What was cut is repeated: the ids show whether it had been accepted. */
  async function sendRound(round: number): Promise<void> {
    for (let page = 0; page < CONTACTS; page += 100) {
      const messages = people.slice(page, page + 100).map((externalId) => {
        const n = `${round}/${externalId}`
        return { id: n, template: 'digest', contact: { externalId }, data: { n } }
      })
      await until(
        'the round is accepted',
        async () => {
          const { sendMessages } = await client().do(SendBare, { messages })
          for (const [index, one] of sendMessages.results.entries()) {
            if (one.ok || one.error?.code === 'ID_EXISTS') accepted.add(messages[index]?.id ?? '')
          }
          return true
        },
        60_000,
      )
    }
  }
  const shown = async (): Promise<string[]> => {
    const lists: string[] = []
    for (const contact of people) {
      const answer = await client().ask(Feed, { contact, first: 100 })
      if (answer.codes.length > 0 && !answer.codes.includes('CONTACT_NOT_FOUND')) throw new Error(answer.codes.join())
      for (const { body } of answer.data?.feed.nodes ?? []) lists.push(...body.split(' '))
    }
    return lists
  }
  const isClosing = async (first: string): Promise<boolean> => {
    const { feed } = await client().do(Feed, { contact: first, first: 100 })
    return feed.nodes.length > 0
  }
  for (let kill = 0; kill < KILLS; kill++) {
    const before = (await shown()).length
    await sendRound(2 * kill)
    // The windows of these close one after another, while more come.
    const sending = sendRound(2 * kill + 1)
    await until('windows close', async () => (await isClosing(people[0] ?? '')) && (await shown()).length > before, 30_000)
    killTree(server.pid)
    await server.exited
    server = await start()
    await sending
  }
  const all = times(2 * KILLS, (round) => people.map((externalId) => `${round}/${externalId}`))
    .flat()
    .toSorted()
  expect([...accepted].toSorted()).toEqual(all)
  await until('all windows are closed', async () => (await shown()).length >= all.length, 60_000)
  expect((await shown()).toSorted()).toEqual(all)
}, 300_000)

it('F39: closes a window again when its closing was killed in the middle, and sends nothing of it twice', async () => {
  const database = await createTestDatabase()
  const secrets = newSecrets()
  const start = async (): Promise<ServerProcess> => {
    const server = await startProcess({ CARILLON_DIR: dir, DATABASE_URL: database.url, ...secrets })
    servers.push(server)
    return server
  }
  const blocker = new pg.Client({ connectionString: database.url })
  try {
    let server = await start()
    const project = await newProject(server, secrets.CARILLON_OPERATOR_KEY)
    await server.client(project.credential).do(UpsertTimed, {
      templates: [{ key: 'digest', inApp: [{ body: '{{ digest.count }}' }], digest: { windowSeconds: 1 } }],
    })
    const people = times(20, (index) => `middle-${index}`)
    await server.client(project.credential).do(UpsertContacts, { contacts: people.map((externalId) => ({ externalId })) })
    // The closing has to wait for one of the feeds that it writes to: the windows are marked as closed by then.
    await blocker.connect()
    await blocker.query('BEGIN')
    await blocker.query(
      'SELECT 1 FROM feed_state WHERE contact_id = (SELECT id FROM contact WHERE external_id = $1) FOR UPDATE',
      [people[19]],
    )
    const messages = people.flatMap((externalId) => times(2, () => ({ template: 'digest', contact: { externalId } })))
    const { sendMessages } = await server.client(project.credential).do(SendBare, { messages })
    expect(sendMessages.results.every((one) => one.ok)).toBe(true)
    await until(
      'the closing waits',
      async () => {
        const { rows } = await blocker.query<{ waiting: number }>(
          `SELECT count(*)::int AS waiting FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid`,
        )
        return (rows[0]?.waiting ?? 0) > 0
      },
      30_000,
    )
    server.kill('SIGKILL')
    await server.exited
    await blocker.query('ROLLBACK')
    server = await start()
    const bodies = async () => {
      const feeds = await Promise.all(people.map((contact) => server.client(project.credential).do(Feed, { contact })))
      return feeds.map(({ feed }) => feed.nodes.map((one) => one.body).join())
    }
    await until('all windows are closed', async () => (await bodies()).every((body) => body !== ''), 30_000)
    expect(await bodies()).toEqual(people.map(() => '2'))
    server.kill('SIGKILL')
    await server.exited
  } finally {
    await blocker.end()
    await database.drop()
  }
}, 120_000)
