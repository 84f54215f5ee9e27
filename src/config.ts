/** The settings: the only reader of the environment. All problems with them are reported together. */
import { readFileSync } from 'node:fs'
import { domainToASCII } from 'node:url'
import { parseArgs } from 'node:util'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { type LogLevel, logLevels } from './log.ts'
import { likelyName } from './values/likely.ts'
import { readBytes, readMember, readNumber, readSwitch, readText, switchWords } from './values/setting.ts'
import { problemAt, wanted } from './values/wanted.ts'
import { type BudgetNumbers, budgetNames, type DialectName, dialectNames } from './words.ts'

/** Which parts of the server a process runs. */
export type Role = 'all' | 'api' | 'worker'

/** The identity provider of people who sign in to the console. */
export interface OidcConfig {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** the claim that has people's roles; null: roles are only granted */
  readonly rolesClaim: string | null
  /** separated by spaces */
  readonly scopes: string
}

/** The settings of a process. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly dir: string
  readonly role: Role
  readonly operatorKey: string | null
  /** the first signs and encrypts, all verify and decrypt; null: one is generated and stored in `dir` */
  readonly secrets: readonly [string, ...string[]] | null
  readonly publicUrl: string
  /** `publicUrl` was set, so vendors can be asked to report to it */
  readonly isPublic: boolean
  readonly databaseUrl: string | null
  readonly mongodbUrl: string | null
  readonly redisUrl: string | null
  /** how long a start waits for each store */
  readonly startWaitMs: number
  readonly explore: boolean
  readonly maxBodyBytes: number
  /** requests a second for one API key; null: no limit */
  readonly rateLimit: number | null
  /** budgets of cost instead of the defaults */
  readonly limits: BudgetNumbers
  /** the dialects that are served */
  readonly dialects: readonly DialectName[]
  readonly trustedProxies: readonly string[]
  /** how long a connection may wait for its next request */
  readonly keepAliveMs: number
  /** key that reads `/metrics`; null: they are open on a loopback address, and closed on others */
  readonly metricsKey: string | null
  readonly log: LogLevel
  readonly allowPrivateHosts: boolean
  /** the host that receives mail, as in MX records; null: none */
  readonly inboundHost: string | null
  /** null: nobody signs in, the console takes API keys */
  readonly oidc: OidcConfig | null
  /** create the project `demo` in an empty database */
  readonly demo: boolean
  /** what is probably not meant as it was written, for the log */
  readonly warnings: readonly string[]
}

interface Setting {
  readonly name: string
  readonly fallback: string
  readonly meaning: string
}

/** Every setting, as `--help` prints it. */
export const settings: readonly Setting[] = [
  { name: 'PORT', fallback: '4000', meaning: 'port to listen on; 0 chooses a free one' },
  { name: 'HOST', fallback: '127.0.0.1', meaning: 'address to listen on' },
  { name: 'CARILLON_DIR', fallback: '.carillon', meaning: 'folder of the embedded database and of the generated secret' },
  { name: 'CARILLON_ROLE', fallback: 'all', meaning: 'all, api or worker (also --role); api and worker need DATABASE_URL' },
  {
    name: 'CARILLON_OPERATOR_KEY',
    fallback: '-',
    meaning: 'key that manages projects, at least 32 characters; with it, no demo project is created',
  },
  {
    name: 'CARILLON_SECRET',
    fallback: 'generated in CARILLON_DIR',
    meaning:
      "signs tokens and cursors, encrypts providers' secrets; at least 32 bytes; required with DATABASE_URL; several, separated by commas: the first signs, all are accepted",
  },
  {
    name: 'CARILLON_PUBLIC_URL',
    fallback: 'http://HOST:PORT',
    meaning: 'public URL of this server, for unsubscribe links and delivery reports',
  },
  { name: 'DATABASE_URL', fallback: 'embedded PostgreSQL', meaning: 'PostgreSQL 14 or newer, which stores all data' },
  { name: 'MONGODB_URL', fallback: 'jobs in PostgreSQL', meaning: 'MongoDB for the job queue' },
  { name: 'REDIS_URL', fallback: 'in-process', meaning: 'Redis for pub/sub between processes' },
  { name: 'CARILLON_START_WAIT', fallback: '60', meaning: 'seconds that a start waits for a store that does not answer yet' },
  {
    name: 'CARILLON_EXPLORE',
    fallback: 'on without an operator key, else off',
    meaning: 'off: no introspection, no suggestions in errors, no GraphiQL',
  },
  {
    name: 'CARILLON_MAX_BODY_BYTES',
    fallback: '1048576',
    meaning: 'largest HTTP request body, in bytes or with a unit, such as 2MB',
  },
  { name: 'CARILLON_RATE_LIMIT', fallback: '-', meaning: 'requests per second for one API key; unset: no limit' },
  {
    name: 'CARILLON_LIMITS',
    fallback: '-',
    meaning: `budgets of cost a second, as name=value,…; names: ${budgetNames.join(', ')}; off: no limit`,
  },
  {
    name: 'CARILLON_DIALECTS',
    fallback: 'all',
    meaning: `REST interfaces of other systems that are served below /NAME, separated by commas, of ${dialectNames.join(', ')}; none: only GraphQL`,
  },
  {
    name: 'CARILLON_TRUSTED_PROXIES',
    fallback: '-',
    meaning: 'comma-separated addresses or CIDR ranges of proxies whose X-Forwarded-For or Forwarded is trusted',
  },
  {
    name: 'CARILLON_KEEP_ALIVE_SECONDS',
    fallback: '75',
    meaning: 'how long a connection stays open without a request; longer than the load balancer keeps one',
  },
  {
    name: 'CARILLON_METRICS_KEY',
    fallback: '-',
    meaning: 'key that reads /metrics, at least 16 characters; without one they are closed unless HOST is a loopback address',
  },
  { name: 'CARILLON_LOG', fallback: 'info', meaning: `log level: ${logLevels.join(', ')}` },
  {
    name: 'CARILLON_ALLOW_PRIVATE_HOSTS',
    fallback: 'on for a local embedded store without an operator key, else off',
    meaning: 'on: providers may be at private addresses',
  },
  {
    name: 'CARILLON_INBOUND_HOST',
    fallback: '-',
    meaning: "host that receives mail, as in the MX records of projects' inbound domains",
  },
  {
    name: 'CARILLON_OIDC_ISSUER',
    fallback: '-',
    meaning: 'URL of the OpenID Connect provider that people sign in to the console with; needs CARILLON_PUBLIC_URL',
  },
  { name: 'CARILLON_OIDC_CLIENT_ID', fallback: '-', meaning: 'client id of this server at the OpenID Connect provider' },
  { name: 'CARILLON_OIDC_CLIENT_SECRET', fallback: '-', meaning: 'client secret of this server at the OpenID Connect provider' },
  {
    name: 'CARILLON_OIDC_ROLES_CLAIM',
    fallback: 'roles by grantRole alone',
    meaning: 'claim that has people\'s roles, such as {"shop": "admin"} or ["shop:admin", "*:viewer"]',
  },
  {
    name: 'CARILLON_OIDC_SCOPES',
    fallback: 'openid email profile',
    meaning: 'scopes that are requested, separated by spaces, with openid',
  },
]

/** The text of `--help`. */
export function help(): string {
  const width = Math.max(...settings.map((setting) => setting.name.length))
  const lines = settings.map(({ name, fallback, meaning }) => `  ${name.padEnd(width)}  ${meaning} [${fallback}]`)
  return [
    'Carillon, a notification server.',
    '',
    'Usage: carillon [start] [--role all|api|worker] [--no-demo] [--help]   (in a clone: npm start -- [--role …])',
    '',
    'Settings, from the environment [default]. Each can be in a file: NAME_FILE is its path. Switches are on or off (true, false, yes, no, 1, 0).',
    ...lines,
    '',
  ].join('\n')
}

/** Thrown for invalid settings; `problems` lists all of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`Invalid settings:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
    this.problems = problems
  }
}

/** Those whose values are never shown. */
const secretNames = new Set([
  'CARILLON_OPERATOR_KEY',
  'CARILLON_SECRET',
  'CARILLON_METRICS_KEY',
  'CARILLON_OIDC_CLIENT_SECRET',
  // Their addresses have passwords in them.
  'DATABASE_URL',
  'MONGODB_URL',
  'REDIS_URL',
])

/** Reads a text by a function that gives null for what it can't read. */
const readBy = <Value>(read: (text: string) => Value | null, want: string) =>
  z.string().transform((text, context): Value => {
    const value = read(text)
    if (value !== null) return value
    context.addIssue(want)
    return z.NEVER
  })
const flag = readBy(readSwitch, `must be one of ${switchWords}`)
const member = <Member extends string>(members: readonly Member[]) =>
  readBy((text) => readMember(members, text), `must be one of ${members.join(', ')}`)
const url = (protocols: readonly string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  })
/**
 * Whether a password's mark ended the host too early: in no store's URL is there a # or, behind the host, an @. Without this, the rest of the
 * password would be taken for the host, waited for, and logged.
 */
const hasStrayMark = (value: string): boolean => /#|^[^?]*\/\/[^/?]*\/[^?]*@/.test(value)

/** The URL of a store. It has a password in it, so only what it begins with is ever shown. */
const storeUrl = (schemes: readonly string[], canParse: (value: string) => boolean) =>
  z.string().superRefine((value, context) => {
    const begins = schemes.map((scheme) => `${scheme}://`)
    const scheme = /^[a-z][a-z0-9+.:-]*?:(?=\/\/)/i.exec(value)?.[0]
    const isKnown = begins.some((begin) => value.toLowerCase().startsWith(begin))
    if (isKnown && canParse(value) && !hasStrayMark(value)) return
    const why = isKnown
      ? 'this one is not complete, or its user or password has characters that have to be percent-encoded (@ is %40, / is %2F, # is %23, % is %25)'
      : `this one begins with ${scheme === undefined ? 'something else' : `${scheme}//`}`
    context.addIssue(`must be a URL that begins with ${begins.join(' or ')}, and ${why}`)
  })
const isUrl = (value: string): boolean => URL.canParse(value)
const whole = (min: number, max: number, read: (text: string) => number | null = (text) => readNumber(text, true)) =>
  readBy(
    (text) => {
      const value = read(text)
      return value !== null && value >= min && value <= max ? value : null
    },
    `must be a whole number from ${min.toLocaleString('en')} to ${max.toLocaleString('en')}`,
  )
/** A CIDR range; an address alone is a range of one. */
function readRange(text: string): string | null {
  if (ipaddr.isValidCIDR(text)) return text
  if (!ipaddr.isValid(text)) return null
  return `${text}/${ipaddr.parse(text).kind() === 'ipv4' ? 32 : 128}`
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])
/** Over plain HTTP, what the issuer says of people could be made up on the way. */
const issuerUrl = z.string().refine(
  (value) => {
    if (!URL.canParse(value)) return false
    const { protocol, hostname, search, hash } = new URL(value)
    return (protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname))) && search === '' && hash === ''
  },
  { error: 'must be a URL that begins with https:// (http:// for this machine only), without a query' },
)
/** The setting that a flag such as --port or --public-url probably means; null: none. */
function settingOfFlag(args: readonly string[]): string | null {
  const names = args.flatMap((arg) => /^--([\w-]+)/.exec(arg)?.[1]?.toUpperCase().replaceAll('-', '_') ?? [])
  const isMeant = (setting: string) => names.includes(setting) || names.includes(setting.replace(/^CARILLON_/, ''))
  return settings.find(({ name }) => name !== 'CARILLON_ROLE' && isMeant(name))?.name ?? null
}

/**
 * The secrets in a setting or a file: separated by commas or line breaks. White space and quotes around a single one are no part of it; one
 * that was used with them before is accepted too.
 */
export function secretsIn(text: string): [string, ...string[]] {
  const parts = text.split(/[,\n]/)
  const [first = '', ...others] = parts.map(readText).filter((part) => part !== '')
  return parts.length === 1 && text !== first ? [first, text] : [first, ...others]
}

const budget = new RegExp(`^(?<name>${budgetNames.join('|')})=(?<value>off|[1-9]\\d{0,8})$`)

/** The dialects that a setting names; null: it names something else. */
function readDialects(text: string): readonly DialectName[] | null {
  const word = readMember(['all', 'none'], text)
  if (word !== null) return word === 'all' ? dialectNames : []
  const found = text.split(',').map((part) => readMember(dialectNames, part))
  return found.includes(null) ? null : dialectNames.filter((name) => found.includes(name))
}

const environment = z.object({
  PORT: whole(0, 65_535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  CARILLON_DIR: z.string().default('.carillon'),
  CARILLON_ROLE: member(['all', 'api', 'worker']).default('all'),
  CARILLON_OPERATOR_KEY: z.string().min(32, 'must have at least 32 characters').optional(),
  CARILLON_SECRET: z
    .string()
    .transform(secretsIn)
    .refine((list) => list.every((value) => Buffer.byteLength(value) >= 32), {
      error: 'must have at least 32 bytes, and so must each of several, which are separated by commas',
    })
    .refine((list) => new Set(list).size === list.length, { error: 'has the same secret twice' })
    .optional(),
  CARILLON_PUBLIC_URL: url(['http:', 'https:']).optional(),
  DATABASE_URL: storeUrl(['postgres', 'postgresql'], isUrl).optional(),
  // It may have several hosts, which URL parsers reject.
  MONGODB_URL: storeUrl(['mongodb', 'mongodb+srv'], (value) => /^[a-z+]+:\/\/[^/\s]+/i.test(value)).optional(),
  REDIS_URL: storeUrl(['redis', 'rediss'], isUrl).optional(),
  CARILLON_START_WAIT: whole(0, 3_600).default(60),
  CARILLON_EXPLORE: flag.optional(),
  CARILLON_MAX_BODY_BYTES: whole(1024, 100 * 1024 * 1024, readBytes).default(1_048_576),
  CARILLON_RATE_LIMIT: whole(1, 1_000_000).optional(),
  CARILLON_LIMITS: z
    .string()
    .transform((value) => value.split(',').map((part) => budget.exec(part.trim())?.groups ?? {}))
    .refine((list) => list.every(({ name }) => name !== undefined), {
      error: `must be budgets such as contact=5000,key=off, of ${budgetNames.join(', ')}: whole numbers from 1 to 999999999, or off`,
    })
    .transform(
      (list): BudgetNumbers =>
        Object.fromEntries(list.map(({ name = '', value }) => [name, value === 'off' ? null : Number(value)])),
    )
    .default({}),
  CARILLON_DIALECTS: readBy(readDialects, `must be all, none, or of ${dialectNames.join(', ')}, separated by commas`).default(
    dialectNames,
  ),
  CARILLON_TRUSTED_PROXIES: z
    .string()
    .transform((value) => value.split(/[,\s]+/).filter((part) => part !== ''))
    .refine((list) => list.every((part) => readRange(part) !== null), {
      error: 'must be a comma-separated list of addresses or CIDR ranges, such as 10.0.0.0/8',
    })
    .transform((list) => list.flatMap((part) => readRange(part) ?? []))
    .default([]),
  CARILLON_KEEP_ALIVE_SECONDS: whole(1, 3_600).default(75),
  CARILLON_METRICS_KEY: z.string().min(16, 'must have at least 16 characters').optional(),
  CARILLON_LOG: member(logLevels).default('info'),
  CARILLON_ALLOW_PRIVATE_HOSTS: flag.optional(),
  CARILLON_INBOUND_HOST: z
    .string()
    .refine((value) => domainToASCII(value).includes('.'), { error: 'must be a host name, such as mail.example.com' })
    .optional(),
  CARILLON_OIDC_ISSUER: issuerUrl.optional(),
  CARILLON_OIDC_CLIENT_ID: z.string().optional(),
  CARILLON_OIDC_CLIENT_SECRET: z.string().optional(),
  CARILLON_OIDC_ROLES_CLAIM: z.string().optional(),
  CARILLON_OIDC_SCOPES: z
    .string()
    .refine((value) => value.split(' ').includes('openid'), { error: 'must have the scope openid' })
    .default('openid email profile'),
})

function oidcOf(value: z.infer<typeof environment>): OidcConfig | null {
  const { CARILLON_OIDC_ISSUER: issuer, CARILLON_OIDC_CLIENT_ID: clientId, CARILLON_OIDC_CLIENT_SECRET: clientSecret } = value
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return null
  const { CARILLON_OIDC_ROLES_CLAIM: rolesClaim = null, CARILLON_OIDC_SCOPES: scopes } = value
  return { issuer, clientId, clientSecret, rolesClaim, scopes }
}

/** Variables that Kubernetes sets in every container beside a service of the name `carillon`. */
const OF_KUBERNETES = /^CARILLON_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$/

/** The warning about a variable that is no setting, if it was probably meant as one. */
function warningOf(name: string, isGiven: (name: string) => boolean): string | null {
  const prefix = name.startsWith('CARILLON_') ? 'CARILLON_' : ''
  const names = settings.flatMap((setting) =>
    setting.name.length >= 8 && setting.name.startsWith(prefix) ? [setting.name.slice(prefix.length)] : [],
  )
  const found = likelyName(name.slice(prefix.length), names, prefix === '' ? 0 : 1)
  const likely = found === null ? null : `${prefix}${found}`
  // The right one is there too: the other one belongs to another program.
  if (prefix === '' && (likely === null || isGiven(likely))) return null
  const meant = likely === null ? 'carillon help lists them' : `did you mean ${likely}?`
  return OF_KUBERNETES.test(name) ? null : `${name} is not a setting, and is ignored: ${meant}`
}

interface Given {
  readonly given: Record<string, string>
  readonly warnings: readonly string[]
}

/** The settings that are set, in the environment or in the files that it names. Many tools represent an unset variable as an empty one. */
function givenIn(env: Record<string, string | undefined>, problems: string[]): Given {
  const known = new Set(settings.map((setting) => setting.name))
  const given: Record<string, string> = {}
  const others: string[] = []
  for (const [name, value = ''] of Object.entries(env)) {
    if (value.trim() === '') continue
    if (known.has(name)) given[name] = name === 'CARILLON_SECRET' ? value : readText(value)
    else others.push(name)
  }
  const warnings: string[] = []
  for (const name of others) {
    const of = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : ''
    if (!known.has(of)) {
      const warning = warningOf(name, (one) => given[one] !== undefined)
      if (warning !== null) warnings.push(warning)
    } else if (given[of] !== undefined) problems.push(`${name}: is set, and so is ${of}: only one of them can be`)
    else {
      const path = readText(env[name] ?? '')
      try {
        const text = readText(readFileSync(path, 'utf8'))
        if (text === '') problems.push(problemAt(name, 'must be the path of a file that is not empty', path))
        else given[of] = text
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
        problems.push(problemAt(name, `must be the path of a file that can be read${code}`, path))
      }
    }
  }
  return { given, warnings }
}

/**
 * Reads the settings from the environment and the command line.
 * @throws ConfigError that lists every problem
 */
export function readConfig(env: Record<string, string | undefined>, args: readonly string[] = []): Config {
  const problems: string[] = []
  let flags: { role?: string | undefined; 'no-demo'?: boolean | undefined } = {}
  try {
    flags = parseArgs({ args: [...args], options: { role: { type: 'string' }, 'no-demo': { type: 'boolean' } } }).values
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    const setting = settingOfFlag(args)
    problems.push(setting === null ? problem : `${problem}: it is set in the environment, as ${setting}=…`)
  }
  const { given, warnings } = givenIn(env, problems)
  if (flags.role !== undefined) given['CARILLON_ROLE'] = flags.role
  const parsed = environment.safeParse(given, { error: wanted })
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const name = path.join('.')
      problems.push(problemAt(name, message, secretNames.has(name) ? undefined : given[name]))
    }
  }
  if (given['DATABASE_URL'] !== undefined && given['CARILLON_SECRET'] === undefined) {
    problems.push('CARILLON_SECRET: is required with DATABASE_URL (for example: openssl rand -hex 32)')
  }
  if (Object.keys(given).some((name) => name.startsWith('CARILLON_OIDC_'))) {
    const needed = ['CARILLON_OIDC_ISSUER', 'CARILLON_OIDC_CLIENT_ID', 'CARILLON_OIDC_CLIENT_SECRET', 'CARILLON_PUBLIC_URL']
    for (const name of needed) {
      if (given[name] === undefined)
        problems.push(`${name}: is required for people to sign in (another CARILLON_OIDC_ setting is set)`)
    }
  }
  const role = readMember(['api', 'worker'], given['CARILLON_ROLE'])
  if (role !== null && given['DATABASE_URL'] === undefined) {
    problems.push(`DATABASE_URL: is required by the role ${role}, because only one process can use the embedded database`)
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  const value = parsed.data
  const operatorKey = value.CARILLON_OPERATOR_KEY ?? null
  // A store that only its developer can reach: nobody else can point a provider at what is on this machine.
  const isLocal =
    operatorKey === null && value.DATABASE_URL === undefined && value.CARILLON_ROLE === 'all' && isLoopback(value.HOST)
  return {
    port: value.PORT,
    host: value.HOST,
    dir: value.CARILLON_DIR,
    role: value.CARILLON_ROLE,
    operatorKey,
    secrets: value.CARILLON_SECRET ?? null,
    publicUrl: (
      value.CARILLON_PUBLIC_URL ?? `http://${value.HOST.includes(':') ? `[${value.HOST}]` : value.HOST}:${value.PORT}`
    ).replace(/\/+$/, ''),
    isPublic: value.CARILLON_PUBLIC_URL !== undefined,
    databaseUrl: value.DATABASE_URL ?? null,
    mongodbUrl: value.MONGODB_URL ?? null,
    redisUrl: value.REDIS_URL ?? null,
    startWaitMs: value.CARILLON_START_WAIT * 1_000,
    explore: value.CARILLON_EXPLORE ?? operatorKey === null,
    maxBodyBytes: value.CARILLON_MAX_BODY_BYTES,
    rateLimit: value.CARILLON_RATE_LIMIT ?? null,
    limits: value.CARILLON_LIMITS,
    dialects: value.CARILLON_DIALECTS,
    trustedProxies: value.CARILLON_TRUSTED_PROXIES,
    keepAliveMs: value.CARILLON_KEEP_ALIVE_SECONDS * 1_000,
    metricsKey: value.CARILLON_METRICS_KEY ?? null,
    log: value.CARILLON_LOG,
    allowPrivateHosts: value.CARILLON_ALLOW_PRIVATE_HOSTS ?? isLocal,
    inboundHost: value.CARILLON_INBOUND_HOST ?? null,
    oidc: oidcOf(value),
    warnings,
    demo: operatorKey === null && flags['no-demo'] !== true && value.CARILLON_ROLE === 'all',
  }
}

/** Whether only this machine reaches a server that listens there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
