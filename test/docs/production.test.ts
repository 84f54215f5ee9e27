/** docs/production.md, Dockerfile and compose.yaml: what they name is there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { readConfig, settings } from '../../src/config.ts'
import { permissions, type Requirement } from '../../src/domain/permission.ts'
import { documentLimits, socketLimits } from '../../src/graphql/limits.ts'
import { budgetDefaults, connectionLimits } from '../../src/http/limits.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { findProgram, paste, post, readGuide, root, rootFieldsOf, rootFieldsOfServer } from '../helpers/guide.ts'
import { optionalSuite } from '../helpers/optional.ts'
import { startSmtp } from '../helpers/smtp.ts'

const page = readFileSync(join(root, 'docs/production.md'), 'utf8')
const blocks = readGuide('docs/production.md')

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

/** What a table of a page names first in each row. */
const named = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].flatMap(([, name = '']) => name)

it('docs/production.md has every setting once, and no other', () => {
  const [, table = ''] = page.split('## Every setting')
  expect(named(table.split('\n## ')[0] ?? '', /^\| `([A-Z_]+)` \|/gm)).toEqual(settings.map(({ name }) => name))
})

it('docs/production.md names the metrics that the server has', async () => {
  const text = await (await fetch(`${app.url}/metrics`)).text()
  const there = new Set(named(text, /^# TYPE (carillon_\w+)/gm))
  expect(named(page, /^\| `(carillon_\w+)` \|/gm).toSorted()).toEqual([...there].toSorted())
  expect(text).toContain('nodejs_eventloop_lag_p99_seconds')
})

it('docs/production.md states the limits that the server has', () => {
  const limits = { ...documentLimits, ...socketLimits, ...connectionLimits }
  const number = (value: number): string => value.toLocaleString('en')
  expect(page).toContain(
    `${number(limits.queryChars)} characters, ${number(limits.tokens)} tokens, ${limits.depth} levels, ` +
      `${limits.directives} directives`,
  )
  expect(page).toContain(`${number(limits.cost)} units of cost, ${number(limits.costOfKey)} with a key`)
  for (const [name, { perSecond, seconds }] of Object.entries(budgetDefaults)) {
    if (name === 'addressOfContacts') continue
    const numbers = perSecond === null ? '– | –' : `${number(perSecond)} | ${number(perSecond * seconds)}`
    expect(page).toContain(`| \`${name}\` |`)
    expect(page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))).toContain(`| ${numbers} |`)
  }
  expect(page).toContain(`${limits.operationsPerSocket} operations at once, ${limits.messagesPerSecond} messages a second`)
  const row = (name: string): string => page.split('\n').find((line) => line.startsWith(`| ${name}`)) ?? ''
  const mb = (bytes: number): string => `${bytes / 1024 / 1024} MB`
  for (const [name, ...facts] of [
    ['headers of a request', `${limits.headersMs / 1_000} s`],
    ['a body |', `${number(limits.bodyBytesPerSecond)} bytes a second`, `after ${limits.bodyGraceMs / 1_000} s`],
    ['connections of a client', `${limits.unfinishedPerClient}`, `${limits.unfinishedMs / 1_000} s`],
    ['the same, of all clients', number(limits.unfinishedInAll)],
    ['unfinished bodies of a client', mb(limits.unfinishedBytesPerClient)],
    ['WebSockets of an address', `${limits.anonymousSocketsPerAddress}`],
    ['a WebSocket without `connection_init`', `${limits.initMs / 1_000} s`],
    ['a WebSocket without a credential', `${limits.anonymousSocketMs / 1_000} s`],
    ['wrong API keys of an address', `${limits.failedLookUpsPerMinute} a minute`],
    ['refusals of a client', `${limits.refusalsPerSecond} a second`, `${limits.refusalPauseMs / 1_000} s`],
    ["reports to providers that don't exist", `${limits.failedLookUpsPerMinute} a minute`],
  ] as const) {
    for (const fact of facts) expect(row(name)).toContain(fact)
  }
  expect(page).toContain(mb(limits.unfinishedBytesInAll))
  expect(page).toContain(`A wrong key is remembered for ${limits.failedLookUpMs / 1_000} s`)
  expect(page).toContain(`Counts of rows are at most ${limits.countMs / 1_000} s old`)
  expect(page).toContain(`operations that one process answers at once | ${number(limits.operationsInFlight)}`)
})

it('docs/production.md says of every operation of a project which scope takes it', () => {
  const [, section = ''] = page.split('## Keys and scopes')
  const rows = [...(section.split('\n## ')[0] ?? '').matchAll(/^\| (`(?:SEND|READ|MANAGE|KEYS)`.*?) \| (.*) \|$/gm)]
  const stated = new Map(
    rows.flatMap(([, scope = '', names = '']) =>
      named(names, /`(\w+)`/g).map((name) => [name, scope.replaceAll('`', '')] as const),
    ),
  )
  const inTable = Object.entries(permissions).flatMap(([name, row]: [string, Requirement]) => {
    const taken = row.flatMap((one) => (one === 'inbox' ? [] : [typeof one === 'string' ? one : one.toReversed().join(' and ')]))
    if (taken.some((one) => ['public', 'self', 'operator'].includes(one))) return []
    const text = taken.toSorted((a, b) => b.localeCompare(a)).join(' or ')
    return [[name, text.replace(/\b(send|read|manage|keys)\b/g, (scope) => scope.toUpperCase())] as const]
  })
  expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(inTable))
})

it('the mutation of docs/production.md makes a project with the operator key', async () => {
  const [create] = blocks.filter(({ language }) => language === 'graphql')
  const document = create?.text ?? ''
  expect(rootFieldsOfServer().Mutation).toContain(rootFieldsOf(parse(document))[0])
  const { data } = await post(app.url, `Bearer ${app.operatorKey}`, document)
  expect(data).toMatchObject({ createProject: { project: { key: 'shop' } } })
})

optionalSuite(
  { name: 'the secrets of docs/production.md', found: findProgram('openssl') !== null, how: 'install openssl' },
  () => {
    it('are made so that the server takes them, readable to the owner alone', async () => {
      const dir = await mkdtemp(join(tmpdir(), 'carillon-guide-'))
      await paste(
        blocks.filter(({ language }) => language === 'sh'),
        { cwd: dir, env: {} },
      )
      const lines = (await readFile(join(dir, '.env'), 'utf8')).trim().split('\n')
      const { mode } = await stat(join(dir, '.env'))
      await rm(dir, { recursive: true })
      const env = Object.fromEntries(lines.map((line) => line.split('=')))
      expect(Object.keys(env)).toEqual(['POSTGRES_PASSWORD', 'CARILLON_SECRET', 'CARILLON_OPERATOR_KEY'])
      expect(mode & 0o077).toBe(0)
      const { POSTGRES_PASSWORD: password, ...rest } = env
      const config = readConfig({ ...rest, DATABASE_URL: `postgresql://carillon:${password}@localhost/carillon` }, [])
      expect(config.demo).toBe(false)
    })
  },
)

it('the first e-mail of docs/production.md arrives', async () => {
  const mailbox = await startSmtp()
  try {
    const { apiKey } = await app.project()
    const from = page.split('\n').indexOf('## The first e-mail')
    const until = page.split('\n').indexOf('## Keys and scopes')
    const documents = blocks.filter(({ language, line }) => language === 'graphql' && line > from && line < until)
    expect(documents).toHaveLength(3)
    const answers: unknown[] = []
    for (const { text } of documents) {
      const here = text
        .replace('"smtp.example.com", port: 587', `"127.0.0.1", port: ${mailbox.port}`)
        .replace('user: "shop", password: "secret", ', '')
      answers.push(await post(app.url, `Bearer ${apiKey}`, here))
    }
    expect(answers).toMatchObject([
      { data: { configureProviders: [{ key: 'mail', active: true }], upsertTemplates: [{ channels: ['EMAIL'] }] } },
      { data: { testProvider: { ok: true, error: null } } },
      { data: { sendMessages: { results: [{ ok: true, notification: { messages: [{ channel: 'EMAIL', status: 'SENT' }] } }] } } },
    ])
    const mails = await mailbox.waitFor(2)
    expect(mails[1]).toMatchObject({ to: ['you@example.com'], subject: 'Hello Ana' })
    expect(mails[1]?.text).toContain('This came through Carillon.')
  } finally {
    await mailbox.close()
  }
})

interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: string[]
  readonly environment?: Record<string, string>
  readonly depends_on?: Record<string, unknown>
  readonly volumes?: string[]
}

describe('compose.yaml', () => {
  const compose = parseYaml(readFileSync(join(root, 'compose.yaml'), 'utf8'), { merge: true }) as {
    services: Record<string, Service>
    volumes: Record<string, unknown>
  }
  const { services } = compose
  const given: Record<string, string> = {
    POSTGRES_PASSWORD: 'a'.repeat(48),
    CARILLON_SECRET: 'b'.repeat(64),
    CARILLON_OPERATOR_KEY: 'c'.repeat(64),
  }
  /** As compose puts in what .env has. */
  const filled = (text: string): string =>
    text.replaceAll(/\$\{(\w+)(:-([^}]*)|:\?)?\}/g, (_whole, name: string, _way, fallback) => given[name] ?? fallback ?? '')

  it('starts three stores, an API and a worker', () => {
    expect(Object.keys(services)).toEqual(['postgres', 'mongo', 'redis', 'api', 'worker'])
    const images = ['postgres', 'mongo', 'redis'].map((name) => services[name]?.image ?? '')
    expect(images.filter((image) => !/^[a-z]+:\d+$/.test(image))).toEqual([])
    // Built here, or the published one that CARILLON_IMAGE names.
    for (const name of ['api', 'worker']) {
      const { image = '', build } = services[name] ?? {}
      expect([filled(image), build]).toEqual(['carillon', '.'])
    }
    expect(Object.values(services).flatMap(({ volumes = [] }) => volumes.map((one) => one.split(':')[0]))).toEqual(
      Object.keys(compose.volumes),
    )
  })

  it.each(['api', 'worker'])('gives the %s settings that the server knows and takes, with stores that are there', (role) => {
    const { command = [], environment = {}, depends_on: needs = {} } = services[role] ?? {}
    const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filled(value)]))
    const known = settings.map(({ name }) => name)
    expect(Object.keys(env).filter((name) => !known.includes(name))).toEqual([])
    const config = readConfig(env, command)
    expect(config.role).toBe(role)
    const hosts = [config.databaseUrl, config.mongodbUrl, config.redisUrl].map((url) => new URL(url ?? '').hostname)
    expect(hosts).toEqual(['postgres', 'mongo', 'redis'])
    expect(Object.keys(needs)).toEqual(hosts)
  })
})

describe('Dockerfile', () => {
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll('\\\n', ' ').split('\n')
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    bin: Record<string, string>
    devDependencies: Record<string, string>
  }
  const commandOf = (word: string): string[] => {
    const line = lines.find((one) => one.startsWith(word)) ?? ''
    return JSON.parse(line.slice(line.indexOf('['))) as string[]
  }

  it('installs the package that it packs, and starts its command as an ordinary user', () => {
    expect(lines.filter((line) => /^RUN .*npm pack /.test(line))).toHaveLength(1)
    expect(lines.filter((line) => /npm install .*carillon-\*\.tgz/.test(line))).toHaveLength(1)
    expect(commandOf('ENTRYPOINT')).toEqual(Object.keys(manifest.bin).map((name) => `node_modules/.bin/${name}`))
    expect(lines.filter((line) => line.startsWith('USER'))).toEqual(['USER node'])
  })

  it('sets what the server knows, and runs the Node of package.json', () => {
    const set = lines.flatMap((line) => /^ENV (\w+)=/.exec(line)?.[1] ?? [])
    expect(set.filter((name) => !settings.some((setting) => setting.name === name))).toEqual([])
    const images = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? [])
    const base = `node:${manifest.devDependencies['node']}-bookworm-slim`
    expect(images).toEqual([base, base])
  })

  it('is healthy while the server answers, and not when there is none', async () => {
    const [, ...args] = commandOf('HEALTHCHECK')
    const check = async (port: string): Promise<number | null> => {
      const child = spawn(process.execPath, args, { env: { PORT: port }, stdio: 'ignore' })
      const [code] = (await once(child, 'exit')) as [number | null]
      return code
    }
    expect(await check(new URL(app.url).port)).toBe(0)
    expect(await check('1')).toBe(1)
  })
})
