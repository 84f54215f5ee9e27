/** docs/production.md, Dockerfile and compose.yaml: what they name is there. */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { readConfig, settings } from '../../src/config.ts'
import { limits } from '../../src/graphql/limits.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { findProgram, paste, post, readGuide, root, rootFieldsOf, rootFieldsOfServer } from '../helpers/guide.ts'
import { optionalSuite } from '../helpers/optional.ts'

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
  const number = (value: number): string => value.toLocaleString('en')
  expect(page).toContain(
    `${number(limits.queryChars)} characters, ${number(limits.tokens)} tokens, ${limits.depth} levels, ${limits.aliases} aliases, ` +
      `${limits.directives} directives, ${number(limits.cost)} objects`,
  )
  expect(page).toContain(`${limits.operationsPerSocket} operations at once, ${limits.messagesPerSecond} messages a second`)
  expect(page).toContain(`operations that one process answers at once | ${number(limits.operationsInFlight)}`)
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
    const images = Object.values(services).flatMap(({ image }) => image ?? [])
    expect(images.filter((image) => !/^[a-z]+:\d+$/.test(image))).toEqual([])
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
  const lines = readFileSync(join(root, 'Dockerfile'), 'utf8').split('\n')
  it('copies what is there or is built, and starts what package.json starts', () => {
    const copied = lines.flatMap((line) => /^COPY --from=build \/app\/(\S+)/.exec(line)?.[1] ?? [])
    const built = ['node_modules', 'web/dist']
    expect(copied.filter((path) => !built.includes(path) && !existsSync(join(root, path)))).toEqual([])
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    const entry = lines.find((line) => line.startsWith('ENTRYPOINT'))?.replace('ENTRYPOINT ', '') ?? '[]'
    expect((JSON.parse(entry) as string[]).join(' ')).toBe(scripts['start'])
  })
  it('sets what the server knows, and runs the Node of package.json', () => {
    const set = lines.flatMap((line) => /^ENV (\w+)=/.exec(line)?.[1] ?? [])
    expect(set.filter((name) => !settings.some((setting) => setting.name === name))).toEqual([])
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>
    }
    const major = dependencies['node']?.split('.')[0]
    const images = lines.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? [])
    expect(images).toEqual([`node:${major}-slim`, `node:${major}-slim`])
  })
})
