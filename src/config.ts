/** The settings: the only reader of the environment. Everything wrong with them is reported at once. */
import { domainToASCII } from 'node:url'
import { parseArgs } from 'node:util'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { type LogLevel, logLevels } from './log.ts'

/** Which parts of the server a process runs. */
export type Role = 'all' | 'api' | 'worker'

/** All that a process can be told. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly dir: string
  readonly role: Role
  readonly operatorKey: string | null
  /** null: one is made and kept in `dir` */
  readonly secret: string | null
  readonly publicUrl: string
  /** vendors can be told to report to `publicUrl`: it was set */
  readonly isPublic: boolean
  readonly databaseUrl: string | null
  readonly mongodbUrl: string | null
  readonly redisUrl: string | null
  readonly explore: boolean
  readonly maxBodyBytes: number
  /** requests a second for one API key; null: no limit */
  readonly rateLimit: number | null
  readonly trustedProxies: readonly string[]
  readonly log: LogLevel
  readonly allowPrivateHosts: boolean
  /** the host that takes in mail, as MX records name it; null: none does */
  readonly inboundHost: string | null
  /** make the project `demo` in an empty store */
  readonly demo: boolean
}

interface Setting {
  readonly name: string
  readonly fallback: string
  readonly meaning: string
}

/** Every setting, as `--help` prints it. */
export const settings: readonly Setting[] = [
  { name: 'PORT', fallback: '4000', meaning: 'port to listen on; 0 takes a free one' },
  { name: 'HOST', fallback: '127.0.0.1', meaning: 'address to listen on' },
  { name: 'CARILLON_DIR', fallback: '.carillon', meaning: 'folder of the embedded store and of generated secrets' },
  { name: 'CARILLON_ROLE', fallback: 'all', meaning: 'all, api or worker (also --role); api and worker need DATABASE_URL' },
  {
    name: 'CARILLON_OPERATOR_KEY',
    fallback: '-',
    meaning: 'key that may create projects, 32 characters or more; set: no demo project',
  },
  {
    name: 'CARILLON_SECRET',
    fallback: 'made in CARILLON_DIR',
    meaning: "32 bytes or more; signs tokens and cursors, encrypts providers' secrets; required with DATABASE_URL",
  },
  { name: 'CARILLON_PUBLIC_URL', fallback: 'http://HOST:PORT', meaning: 'address of this server in links' },
  { name: 'DATABASE_URL', fallback: 'embedded PostgreSQL', meaning: 'PostgreSQL 14 or newer: everything that must last' },
  { name: 'MONGODB_URL', fallback: 'jobs in PostgreSQL', meaning: 'MongoDB for the jobs' },
  { name: 'REDIS_URL', fallback: 'in-process', meaning: 'Redis for the signals between processes' },
  { name: 'CARILLON_EXPLORE', fallback: 'on', meaning: 'off: no introspection, no suggestions in errors, no GraphiQL' },
  { name: 'CARILLON_MAX_BODY_BYTES', fallback: '1048576', meaning: 'largest HTTP request body, bytes' },
  { name: 'CARILLON_RATE_LIMIT', fallback: '-', meaning: 'requests a second for one API key; unset: no limit' },
  {
    name: 'CARILLON_TRUSTED_PROXIES',
    fallback: '-',
    meaning: 'comma-separated CIDR list; only their X-Forwarded-For is believed',
  },
  { name: 'CARILLON_LOG', fallback: 'info', meaning: `level: ${logLevels.join(', ')}` },
  {
    name: 'CARILLON_ALLOW_PRIVATE_HOSTS',
    fallback: 'on without an operator key, else off',
    meaning: "lets providers' hosts be private addresses",
  },
  {
    name: 'CARILLON_INBOUND_HOST',
    fallback: '-',
    meaning: "host that takes in mail, as MX records of projects' inbound domains name it",
  },
]

/** The text of `--help`. */
export function help(): string {
  const width = Math.max(...settings.map((setting) => setting.name.length))
  const lines = settings.map(({ name, fallback, meaning }) => `  ${name.padEnd(width)}  ${meaning} [${fallback}]`)
  return [
    'Carillon, a notification server.',
    '',
    'Usage: npm start -- [--role all|api|worker] [--no-demo] [--help]',
    '',
    'Settings, from the environment [default]:',
    ...lines,
    '',
  ].join('\n')
}

/** Thrown when settings are wrong; `problems` names every one of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The settings are wrong:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
    this.problems = problems
  }
}

const flag = z.enum(['on', 'off']).transform((value) => value === 'on')
const url = (protocols: readonly string[]) =>
  z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  })
/** A MongoDB URL may name several hosts, which no URL parser takes. */
const mongoUrl = z.string().regex(/^mongodb(\+srv)?:\/\/[^/\s]+/, 'must be a URL that begins with mongodb:// or mongodb+srv://')
const whole = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: `must be a whole number from ${min} to ${max}` })

const environment = z.object({
  PORT: whole(0, 65_535).default(4000),
  HOST: z.string().default('127.0.0.1'),
  CARILLON_DIR: z.string().default('.carillon'),
  CARILLON_ROLE: z.enum(['all', 'api', 'worker']).default('all'),
  CARILLON_OPERATOR_KEY: z.string().min(32, 'must have 32 characters or more').optional(),
  CARILLON_SECRET: z
    .string()
    .refine((value) => Buffer.byteLength(value) >= 32, { error: 'must have 32 bytes or more' })
    .optional(),
  CARILLON_PUBLIC_URL: url(['http:', 'https:']).optional(),
  DATABASE_URL: url(['postgres:', 'postgresql:']).optional(),
  MONGODB_URL: mongoUrl.optional(),
  REDIS_URL: url(['redis:', 'rediss:']).optional(),
  CARILLON_EXPLORE: flag.default(true),
  CARILLON_MAX_BODY_BYTES: whole(1024, 100 * 1024 * 1024).default(1_048_576),
  CARILLON_RATE_LIMIT: whole(1, 1_000_000).optional(),
  CARILLON_TRUSTED_PROXIES: z
    .string()
    .transform((value) => value.split(',').map((part) => part.trim()))
    .refine((list) => list.every((part) => ipaddr.isValidCIDR(part)), { error: 'must be a comma-separated list of CIDR ranges' })
    .default([]),
  CARILLON_LOG: z.enum(logLevels).default('info'),
  CARILLON_ALLOW_PRIVATE_HOSTS: flag.optional(),
  CARILLON_INBOUND_HOST: z
    .string()
    .refine((value) => domainToASCII(value).includes('.'), { error: 'must be the name of a host, such as mail.example.com' })
    .optional(),
})

/**
 * Reads the settings from the environment and the command line.
 * @throws ConfigError that names every problem
 */
export function readConfig(env: Record<string, string | undefined>, args: readonly string[]): Config {
  const problems: string[] = []
  let flags: { role?: string | undefined; 'no-demo'?: boolean | undefined } = {}
  try {
    flags = parseArgs({ args: [...args], options: { role: { type: 'string' }, 'no-demo': { type: 'boolean' } } }).values
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  // A setting that is there but empty is how many tools say "not set".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  if (flags.role !== undefined) given['CARILLON_ROLE'] = flags.role
  const known = new Set(settings.map((setting) => setting.name))
  for (const name of Object.keys(given)) {
    if (name.startsWith('CARILLON_') && !known.has(name)) problems.push(`${name}: there is no such setting`)
  }
  const parsed = environment.safeParse(given)
  if (!parsed.success) for (const issue of parsed.error.issues) problems.push(`${issue.path.join('.')}: ${issue.message}`)
  if (given['DATABASE_URL'] !== undefined && given['CARILLON_SECRET'] === undefined) {
    problems.push('CARILLON_SECRET: is required with DATABASE_URL (for example: openssl rand -hex 32)')
  }
  const role = given['CARILLON_ROLE']
  if ((role === 'api' || role === 'worker') && given['DATABASE_URL'] === undefined) {
    problems.push(`DATABASE_URL: is required by the role ${role}, because the embedded store belongs to one process`)
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)
  const value = parsed.data
  const operatorKey = value.CARILLON_OPERATOR_KEY ?? null
  return {
    port: value.PORT,
    host: value.HOST,
    dir: value.CARILLON_DIR,
    role: value.CARILLON_ROLE,
    operatorKey,
    secret: value.CARILLON_SECRET ?? null,
    publicUrl: (
      value.CARILLON_PUBLIC_URL ?? `http://${value.HOST.includes(':') ? `[${value.HOST}]` : value.HOST}:${value.PORT}`
    ).replace(/\/+$/, ''),
    isPublic: value.CARILLON_PUBLIC_URL !== undefined,
    databaseUrl: value.DATABASE_URL ?? null,
    mongodbUrl: value.MONGODB_URL ?? null,
    redisUrl: value.REDIS_URL ?? null,
    explore: value.CARILLON_EXPLORE,
    maxBodyBytes: value.CARILLON_MAX_BODY_BYTES,
    rateLimit: value.CARILLON_RATE_LIMIT ?? null,
    trustedProxies: value.CARILLON_TRUSTED_PROXIES,
    log: value.CARILLON_LOG,
    allowPrivateHosts: value.CARILLON_ALLOW_PRIVATE_HOSTS ?? operatorKey === null,
    inboundHost: value.CARILLON_INBOUND_HOST ?? null,
    demo: operatorKey === null && flags['no-demo'] !== true && value.CARILLON_ROLE === 'all',
  }
}
