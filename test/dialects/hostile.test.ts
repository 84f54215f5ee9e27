/** What a hostile client sends to each dialect beyond wrong values: how a request is written, where it goes, and many of the same at once. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dialectNames } from '../../src/words.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createDialectClient, type DialectClient } from '../helpers/dialect.ts'
import { GetContact, ListContacts, ListNotifications } from '../helpers/operations.ts'
import { newShop, times } from '../helpers/setup.ts'

let app: TestApp
let project: TestProject
let other: TestProject
const clients = new Map<string, DialectClient>()
beforeAll(async () => {
  app = await startTestApp()
  project = await newShop(app, null)
  other = await app.project()
  for (const name of dialectNames)
    clients.set(
      name,
      await createDialectClient(app.url, `/${name}`, `${name === 'novu' ? 'ApiKey' : 'Bearer'} ${project.apiKey}`),
    )
})
afterAll(() => app?.stop())

const clientOf = (name: string): DialectClient => {
  const found = clients.get(name)
  if (found === undefined) throw new Error(`There is no client of ${name}.`)
  return found
}

/** A right request to each dialect, which creates the contact. */
const rightOf = (name: string, contact: string) => {
  const requests: Readonly<Record<string, { readonly path: string; readonly body: object }>> = {
    notifuse: { path: '/v2/contacts.upsert', body: { contacts: [{ id: contact, profile: { $set: { plan: 'pro' } } }] } },
    notifly: {
      path: '/set-user-properties',
      body: { projectID: project.key, userID: contact, userProperties: { plan: 'pro' } },
    },
    novu: { path: '/v1/subscribers', body: { subscriberId: contact, data: { plan: 'pro' } } },
  }
  return requests[name] ?? { path: '/', body: {} }
}
const contactOf = async (externalId: string) => (await project.api.do(GetContact, { externalId })).contact

/** Writes bytes to the server as they are. @returns status, and the body if it is JSON */
async function write(name: string, head: readonly string[], body = ''): Promise<{ status: number; body: unknown }> {
  const { hostname, port, host } = new URL(app.url)
  const socket = connect(Number(port), hostname)
  const authorization = `Authorization: ${name === 'novu' ? 'ApiKey' : 'Bearer'} ${project.apiKey}`
  socket.write(`${[...head, `Host: ${host}`, authorization, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
  const answer = await text(socket)
  const [top = '', ...rest] = answer.split('\r\n\r\n')
  const json = rest.join('\r\n\r\n')
  return { status: Number(top.split(' ')[1]), body: /application\/json/i.test(top) && json !== '' ? JSON.parse(json) : null }
}

describe.each(dialectNames)('%s', (name) => {
  it('takes a body in pieces of any size, and refuses one that is compressed, or not in UTF-8', async () => {
    const { path, body } = rightOf(name, `pieces-${name}`)
    const written = JSON.stringify(body)
    const pieces = [...written].map((one) => `1\r\n${one}\r\n`).join('')
    const chunked = [`POST /${name}${path} HTTP/1.1`, 'Transfer-Encoding: chunked']
    expect((await write(name, chunked, `${pieces}0\r\n\r\n`)).status).toBeLessThan(300)
    expect(JSON.stringify((await contactOf(`pieces-${name}`))?.profile)).toContain('"plan":"pro"')
    for (const encoding of ['gzip', 'br', 'x', 'gzip, identity']) {
      const packed = new Blob([gzipSync(written)])
      const answer = await clientOf(name).call({ path, body: packed, headers: { 'content-encoding': encoding } })
      expect([encoding, answer.status]).toEqual([encoding, 415])
    }
    const notText = new Blob([Uint8Array.of(0x7b, 0xff, 0x7d)])
    expect((await clientOf(name).call({ path, body: notText })).status).toBe(400)
  })

  it('finds a path as it is written: no other case, no escaped slash, no way out of the dialect', async () => {
    const { path, body } = rightOf(name, `paths-${name}`)
    const sent = JSON.stringify(body)
    const asked = (target: string) => write(name, [`POST ${target} HTTP/1.1`, `Content-Length: ${sent.length}`], sent)
    const wrong = [
      `/${name}${path.replace(/[a-z](?=[^a-z]|$)/, (letter) => letter.toUpperCase())}`,
      `/${name}${path.toUpperCase()}`,
      `/${name}/x/..${path}`,
      `/${name}/.${path}`,
      `/${name}/../graphql`,
      `/${name}/..%2fgraphql`,
      `/${name}${path.replaceAll('/', '%2F')}`,
      `/${name}${path};a=b`,
      `/${name}${path}%00`,
      `/${name}${path}%`,
      `/${name}${path}/%20`,
      `/${name}\\${path.slice(1)}`,
    ]
    for (const target of wrong) {
      const answer = await asked(target)
      expect([target, answer.status]).toEqual([target, expect.toBeOneOf([400, 404, 405])])
      if (answer.status !== 400 && target.startsWith(`/${name}/`))
        clientOf(name).validate('POST', '/nothing', { ...answer, headers: new Headers() })
    }
    expect(await contactOf(`paths-${name}`)).toBeNull()
    for (const target of [`//${name}/${path}//`, `/${name}${path}?x=1`, `/${name}${path}/?a=%zz`]) {
      expect([target, (await asked(target)).status]).toEqual([target, expect.toBeOneOf([200, 201])])
    }
  })

  it('reads a name that comes twice as JSON does: the last one, in what is checked and in what is done', async () => {
    const { path } = rightOf(name, 'x')
    const one = JSON.stringify(rightOf(name, `first-${name}`).body)
    const two = JSON.stringify(rightOf(name, `second-${name}`).body)
    const twice = `${one.slice(0, -1)},${two.slice(1)}`
    expect((await clientOf(name).call({ path, body: twice })).status).toBeLessThan(300)
    expect([await contactOf(`first-${name}`), (await contactOf(`second-${name}`))?.externalId]).toEqual([null, `second-${name}`])
  })

  it('stores no number that JSON has no word for, and changes nothing that objects inherit', async () => {
    const { path, body } = rightOf(name, `numbers-${name}`)
    for (const value of ['1e400', '-1e400', '{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}']) {
      const { status } = await clientOf(name).call({ path, body: JSON.stringify(body).replace('"pro"', value) })
      expect([value, status]).toEqual([value, expect.toBeOneOf([200, 201, 400, 422])])
    }
    expect(JSON.stringify((await contactOf(`numbers-${name}`))?.profile ?? {})).not.toMatch(/plan":null|Infinity/)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('refuses a body whose length is not what it says, without an answer to another request', async () => {
    const { path, body } = rightOf(name, `smuggled-${name}`)
    const sent = JSON.stringify(body)
    const head = `POST /${name}${path} HTTP/1.1`
    const both = await write(name, [head, 'Transfer-Encoding: chunked', `Content-Length: ${sent.length}`], `0\r\n\r\n${sent}`)
    expect(both.status).toBe(400)
    for (const length of ['-1', '1e3', '0x10', '12, 13']) {
      expect([length, (await write(name, [head, `Content-Length: ${length}`], sent)).status]).toEqual([length, 400])
    }
    expect(await contactOf(`smuggled-${name}`)).toBeNull()
  })

  it('does the same of many at once one time', async () => {
    const { path, body } = rightOf(name, `parallel-${name}`)
    const answers = await Promise.all(times(20, () => clientOf(name).call({ path, body })))
    for (const { status } of answers) expect(status).toBeLessThan(300)
    const { nodes } = (await project.api.do(ListContacts, { first: 100 })).contacts
    expect(nodes.filter(({ externalId }) => externalId === `parallel-${name}`)).toHaveLength(1)
  })
})

it('one id of twenty parallel calls is accepted once, and one user of twenty parallel deletions is deleted once', async () => {
  const messages = [{ notificationId: 'note', userId: 'parallel', id: 'parallel-1' }]
  const sent = await Promise.all(times(20, () => clientOf('notifuse').call({ path: '/messages.send', body: { messages } })))
  const results = sent.flatMap(({ body }) => (body as { results: { ok: boolean; error?: string }[] }).results)
  expect(results.filter(({ ok }) => ok)).toHaveLength(1)
  expect(results.filter(({ error }) => error === 'id/exists')).toHaveLength(19)
  const body = { projectID: project.key, userID: 'parallel' }
  const deleted = await Promise.all(times(20, () => clientOf('notifly').call({ method: 'DELETE', path: '/users', body })))
  expect(deleted.reduce((sum, one) => sum + (one.body as { data: number }).data, 0)).toBe(1)
})

it('nothing of all this reached another project', async () => {
  expect((await other.api.do(ListContacts, { first: 1 })).contacts.totalCount).toBe(0)
  expect((await other.api.do(ListNotifications, { first: 1 })).notifications.totalCount).toBe(0)
})
