import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, help, readConfig, settings } from '../src/config.ts'
import { dialectNames } from '../src/words.ts'

const problemsOf = (env: Record<string, string>, args: string[] = []): readonly string[] => {
  try {
    readConfig(env, args)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

const ENCODED =
  'DATABASE_URL: must be a URL that begins with postgres:// or postgresql://, and this one is not complete, or its user or password has ' +
  'characters that have to be percent-encoded (@ is %40, / is %2F, # is %23, % is %25)'

it('needs no setting', () => {
  expect(readConfig({}, [])).toMatchObject({
    port: 4000,
    host: '127.0.0.1',
    role: 'all',
    demo: true,
    allowPrivateHosts: true,
    explore: true,
    limits: {},
  })
})
it('names everything that is wrong at once', () => {
  const problems = problemsOf(
    { PORT: 'x', CARILLON_LOG: 'loud', CARILLON_SECRET: 'short', CARILLON_EXPLORE: 'perhaps', DATABASE_URL: 'mysql://x' },
    ['--role', 'boss'],
  )
  for (const name of ['PORT', 'CARILLON_LOG', 'CARILLON_SECRET', 'CARILLON_EXPLORE', 'DATABASE_URL', 'CARILLON_ROLE']) {
    expect(problems.some((line) => line.startsWith(`${name}:`))).toBe(true)
  }
})
it('requires a secret with DATABASE_URL, and DATABASE_URL for one role alone', () => {
  expect(problemsOf({ DATABASE_URL: 'postgresql://h/d' })[0]).toMatch(/^CARILLON_SECRET: is required/)
  expect(problemsOf({ CARILLON_ROLE: 'api' })[0]).toMatch(/^DATABASE_URL: is required/)
})
it('with an operator key, creates no demo project and refuses private hosts', () => {
  expect(readConfig({ CARILLON_OPERATOR_KEY: 'k'.repeat(32) }, [])).toMatchObject({ demo: false, allowPrivateHosts: false })
  expect(readConfig({}, ['--no-demo']).demo).toBe(false)
})
it.each<[string, Record<string, string>, boolean]>([
  ['an embedded store on 127.0.0.1', {}, true],
  ['one on ::1', { HOST: '::1' }, true],
  ['one on localhost', { HOST: 'localhost' }, true],
  ['one that others can reach', { HOST: '0.0.0.0' }, false],
  ['one that others can reach by IPv6', { HOST: '::' }, false],
  ['one on an address of the network', { HOST: '192.168.1.5' }, false],
  ['one with an operator key', { CARILLON_OPERATOR_KEY: 'k'.repeat(32) }, false],
  ['a database of its own', { DATABASE_URL: 'postgresql://h/d', CARILLON_SECRET: 's'.repeat(32) }, false],
  ['an API process', { DATABASE_URL: 'postgresql://h/d', CARILLON_SECRET: 's'.repeat(32), CARILLON_ROLE: 'api' }, false],
  ['a worker', { DATABASE_URL: 'postgresql://h/d', CARILLON_SECRET: 's'.repeat(32), CARILLON_ROLE: 'worker' }, false],
])('%s: whether private hosts are allowed, unless a setting says so', (_, env, expected) => {
  expect(readConfig(env, []).allowPrivateHosts).toBe(expected)
  for (const said of ['on', 'off']) {
    expect(readConfig({ ...env, CARILLON_ALLOW_PRIVATE_HOSTS: said }, []).allowPrivateHosts).toBe(said === 'on')
  }
})
it('takes several secrets, each of 32 bytes, and one with what may be around it: both as it was meant and as it is', () => {
  const [a, b] = ['a'.repeat(32), 'b'.repeat(40)]
  expect(readConfig({ CARILLON_SECRET: a }, []).secrets).toEqual([a])
  expect(readConfig({ CARILLON_SECRET: ` ${a}` }, []).secrets).toEqual([a, ` ${a}`])
  expect(readConfig({ CARILLON_SECRET: `"${a}"` }, []).secrets).toEqual([a, `"${a}"`])
  expect(readConfig({ CARILLON_SECRET: `${a}\r\n` }, []).secrets).toEqual([a])
  expect(readConfig({ CARILLON_SECRET: `${b}, ${a},` }, []).secrets).toEqual([b, a])
  expect(readConfig({}, []).secrets).toBeNull()
  for (const wrong of [`${a},short`, `short,${a}`, 'short', `${a},${a}`, ',']) {
    expect(problemsOf({ CARILLON_SECRET: wrong })[0]).toMatch(/^CARILLON_SECRET:/)
  }
})
it('takes a MongoDB URL with several hosts, and an empty variable as one that is not set', () => {
  expect(readConfig({ MONGODB_URL: 'mongodb://a:27017,b:27017/x?replicaSet=r', REDIS_URL: '' }, [])).toMatchObject({
    mongodbUrl: 'mongodb://a:27017,b:27017/x?replicaSet=r',
    redisUrl: null,
  })
})
it('lists every setting with its default in the help', () => {
  for (const { name, fallback } of settings)
    expect(help()).toMatch(new RegExp(`${name}.*\\[${fallback.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\]`))
})
it('takes an identity provider with all that it needs, and names what is missing', () => {
  const given = {
    CARILLON_OIDC_ISSUER: 'https://id.example.com',
    CARILLON_OIDC_CLIENT_ID: 'carillon',
    CARILLON_OIDC_CLIENT_SECRET: 'secret',
    CARILLON_PUBLIC_URL: 'https://carillon.example.com',
  }
  expect(readConfig(given, []).oidc).toEqual({
    issuer: 'https://id.example.com',
    clientId: 'carillon',
    clientSecret: 'secret',
    rolesClaim: null,
    scopes: 'openid email profile',
  })
  expect(readConfig({}, []).oidc).toBeNull()
  for (const missing of Object.keys(given)) {
    const problems = problemsOf({ ...given, [missing]: '' })
    expect([missing, problems.map((line) => line.split(':')[0])]).toEqual([missing, [missing]])
  }
  for (const issuer of ['id.example.com', 'http://id.example.com', 'https://id.example.com/?a=b', 'ftp://id.example.com']) {
    expect(problemsOf({ ...given, CARILLON_OIDC_ISSUER: issuer })[0]).toMatch(/^CARILLON_OIDC_ISSUER: must be/)
  }
  expect(problemsOf({ ...given, CARILLON_OIDC_ISSUER: 'http://127.0.0.1:9000' })).toEqual([])
  expect(problemsOf({ ...given, CARILLON_OIDC_SCOPES: 'email' })[0]).toMatch(/^CARILLON_OIDC_SCOPES: must have/)
})

it('explores by default only without an operator key', () => {
  const key = { CARILLON_OPERATOR_KEY: 'k'.repeat(32) }
  expect(readConfig(key).explore).toBe(false)
  expect(readConfig({ ...key, CARILLON_EXPLORE: 'on' }).explore).toBe(true)
  expect(readConfig({ CARILLON_EXPLORE: 'off' }).explore).toBe(false)
})

it('reads which dialects are served, all by default, and refuses what is none', () => {
  for (const all of [{}, { CARILLON_DIALECTS: 'all' }]) expect(readConfig(all).dialects).toEqual(dialectNames)
  expect(readConfig({ CARILLON_DIALECTS: ' Notifuse ,notifuse' }).dialects).toEqual(['notifuse'])
  expect(readConfig({ CARILLON_DIALECTS: 'none' }).dialects).toEqual([])
  for (const wrong of ['notifuse,', 'notifuse;x', 'graphql', 'none,notifuse']) {
    expect(() => readConfig({ CARILLON_DIALECTS: wrong }), wrong).toThrow(
      /CARILLON_DIALECTS: must be all, none, or of notifuse, notifly/,
    )
  }
})

it('reads budgets of cost, and refuses what is none', () => {
  expect(readConfig({ CARILLON_LIMITS: 'contact=10000, key=off' }).limits).toEqual({ contact: 10_000, key: null })
  for (const wrong of ['contact', 'contact=', 'contact=0', 'contact=-1', 'contact=1e9', 'user=5', 'contact=1;key=2']) {
    expect(() => readConfig({ CARILLON_LIMITS: wrong }), wrong).toThrow(/CARILLON_LIMITS: must be budgets/)
  }
})

describe('settings as people write them', () => {
  it.each([
    ...['on', 'ON', 'true', 'True', 'yes', 'YES', '1', ' on ', '"true"'].map((text) => [text, true] as const),
    ...['off', 'Off', 'false', 'FALSE', 'no', '0', "'off'"].map((text) => [text, false] as const),
  ])('takes %j for a switch', (text, expected) => {
    expect(readConfig({ CARILLON_EXPLORE: text }).explore).toBe(expected)
    expect(readConfig({ CARILLON_ALLOW_PRIVATE_HOSTS: text }).allowPrivateHosts).toBe(expected)
  })

  it.each<[Record<string, string>, object]>([
    [{ CARILLON_LOG: 'INFO' }, { log: 'info' }],
    [{ CARILLON_LOG: ' Debug\n' }, { log: 'debug' }],
    [{ CARILLON_ROLE: 'ALL' }, { role: 'all' }],
    [{ PORT: ' 8080 ' }, { port: 8080 }],
    [{ PORT: '"8080"' }, { port: 8080 }],
    [{ PORT: '' }, { port: 4000 }],
    [{ PORT: '  ' }, { port: 4000 }],
    [{ CARILLON_MAX_BODY_BYTES: '2MB' }, { maxBodyBytes: 2_097_152 }],
    [{ CARILLON_MAX_BODY_BYTES: '512 KiB' }, { maxBodyBytes: 524_288 }],
    [{ CARILLON_MAX_BODY_BYTES: '1m' }, { maxBodyBytes: 1_048_576 }],
    [{ CARILLON_MAX_BODY_BYTES: '2048' }, { maxBodyBytes: 2048 }],
    [{ CARILLON_OPERATOR_KEY: `${'k'.repeat(32)}\n` }, { operatorKey: 'k'.repeat(32) }],
    [{ CARILLON_PUBLIC_URL: "'https://carillon.example.com/'" }, { publicUrl: 'https://carillon.example.com' }],
    [
      { CARILLON_TRUSTED_PROXIES: '10.0.0.1, 192.168.0.0/16 ::1,' },
      { trustedProxies: ['10.0.0.1/32', '192.168.0.0/16', '::1/128'] },
    ],
  ])('reads %j', (env, expected) => {
    expect(readConfig(env)).toMatchObject({ ...expected, warnings: [] })
  })

  it.each<[Record<string, string>, string]>([
    [{ PORT: 'http' }, 'PORT: must be a whole number from 0 to 65,535; it is "http"'],
    [{ PORT: '70000' }, 'PORT: must be a whole number from 0 to 65,535; it is "70000"'],
    [{ PORT: '80.5' }, 'PORT: must be a whole number from 0 to 65,535; it is "80.5"'],
    [{ CARILLON_EXPLORE: 'maybe' }, 'CARILLON_EXPLORE: must be one of on, true, yes, 1, off, false, no, 0; it is "maybe"'],
    [{ CARILLON_LOG: 'loud' }, 'CARILLON_LOG: must be one of debug, info, warn, error, silent; it is "loud"'],
    [{ CARILLON_ROLE: 'boss' }, 'CARILLON_ROLE: must be one of all, api, worker; it is "boss"'],
    [
      { CARILLON_MAX_BODY_BYTES: '1TB' },
      'CARILLON_MAX_BODY_BYTES: must be a whole number from 1,024 to 104,857,600; it is "1TB"',
    ],
    [
      { CARILLON_PUBLIC_URL: 'carillon.example.com' },
      'CARILLON_PUBLIC_URL: must be a URL that begins with http:// or https://; it is "carillon.example.com"',
    ],
    [
      { REDIS_URL: 'localhost:6379' },
      'REDIS_URL: must be a URL that begins with redis:// or rediss://, and this one begins with something else',
    ],
    ...[
      'postgresql://shop:p@ss/w#ord@127.0.0.1:5432/shop',
      'postgresql://shop:12/34@127.0.0.1/shop',
      'postgres://shop:5432#@db/shop',
      'postgresql://shop:p@s/s@db/shop?sslmode=verify-full',
    ].map((url): [Record<string, string>, string] => [{ DATABASE_URL: url, CARILLON_SECRET: 'x'.repeat(32) }, ENCODED]),
    [
      { REDIS_URL: 'redis://:12/34@cache:6379' },
      ENCODED.replace('DATABASE_URL', 'REDIS_URL').replace('postgres:// or postgresql://', 'redis:// or rediss://'),
    ],
    [
      { MONGODB_URL: 'mongodb://shop:p#1@a:27017,b:27017/jobs' },
      ENCODED.replace('DATABASE_URL', 'MONGODB_URL').replace('postgres:// or postgresql://', 'mongodb:// or mongodb+srv://'),
    ],
    [
      { MONGODB_URL: 'postgres://a' },
      'MONGODB_URL: must be a URL that begins with mongodb:// or mongodb+srv://, and this one begins with postgres://',
    ],
    [
      { CARILLON_TRUSTED_PROXIES: 'proxy.local' },
      'CARILLON_TRUSTED_PROXIES: must be a comma-separated list of addresses or CIDR ranges, such as 10.0.0.0/8; it is "proxy.local"',
    ],
  ])('says of %j what is wanted and what it is', (env, expected) => {
    expect(problemsOf(env)).toEqual([expected])
  })

  it('never shows a secret, nor the address of a store', () => {
    const secret = 'hunter2-hunter2'
    const env = {
      CARILLON_SECRET: secret,
      CARILLON_OPERATOR_KEY: secret,
      CARILLON_METRICS_KEY: 'hunter2',
      DATABASE_URL: 'postgresql://shop:hunter2/#x@db/shop',
      MONGODB_URL: 'mysql://shop:hunter2@db',
      REDIS_URL: 'redis://:hunter2/@redis:port',
    }
    const problems = problemsOf(env)
    expect(problems.map((line) => line.split(':')[0]).toSorted()).toEqual(Object.keys(env).toSorted())
    expect(problems.join()).not.toContain('hunter2')
    expect(problems.join()).toContain('percent-encoded')
  })

  it.each<[string, string]>([
    ['CARILON_PUBLIC_URL', 'did you mean CARILLON_PUBLIC_URL?'],
    ['CARILLON_PUBLICURL', 'did you mean CARILLON_PUBLIC_URL?'],
    ['carillon_log', 'did you mean CARILLON_LOG?'],
    ['CARILLON_OPERATORKEY', 'did you mean CARILLON_OPERATOR_KEY?'],
    ['CARRILLON_SECRET', 'did you mean CARILLON_SECRET?'],
    ['CARILLON_TRUSTED_PROXY', 'did you mean CARILLON_TRUSTED_PROXIES?'],
    ['CARILLON_NOTHING', 'carillon help lists them'],
    ['MONGO_URL', 'did you mean MONGODB_URL?'],
    ['DATABASE_URI', 'did you mean DATABASE_URL?'],
    ['REDIS_URI', 'did you mean REDIS_URL?'],
  ])('warns about %s, which is not a setting', (name, expected) => {
    expect(readConfig({ [name]: 'x' }).warnings).toEqual([`${name} is not a setting, and is ignored: ${expected}`])
  })

  it('warns of nothing that belongs to others', () => {
    const env = {
      CARILLON_SERVICE_HOST: '10.0.0.1',
      CARILLON_SERVICE_PORT_HTTP: '80',
      CARILLON_PORT: 'tcp://10.0.0.1:80',
      CARILLON_PORT_80_TCP_ADDR: '10.0.0.1',
      REDIS_CLI: 'x',
      DATABASE_USER: 'x',
      DATABASE_PORT: '1',
      HOSTNAME: 'a',
      PATH: '/bin',
      REDIS_URL: 'redis://a',
      REDIS_URI: 'redis://a',
    }
    expect(readConfig(env).warnings).toEqual([])
  })

  it('reads any setting from a file that its name with _FILE names, without what is around it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'carillon-settings-'))
    const file = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text)
      return join(dir, name)
    }
    try {
      const secret = file('secret', `${'s'.repeat(32)}\n`)
      expect(readConfig({ CARILLON_SECRET_FILE: secret, PORT_FILE: file('port', '8080\r\n') })).toMatchObject({
        secrets: ['s'.repeat(32)],
        port: 8080,
        warnings: [],
      })
      expect(problemsOf({ CARILLON_SECRET_FILE: join(dir, 'none') })[0]).toMatch(
        /^CARILLON_SECRET_FILE: must be the path of a file that can be read \(ENOENT\); it is "/,
      )
      expect(problemsOf({ CARILLON_SECRET_FILE: file('empty', '\n') })[0]).toMatch(/^CARILLON_SECRET_FILE: .*not empty/)
      expect(problemsOf({ CARILLON_SECRET_FILE: secret, CARILLON_SECRET: 's'.repeat(32) })[0]).toMatch(/only one of them/)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
