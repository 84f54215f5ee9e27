/** The limits of requests and connections, whatever their protocol. docs/production.md lists them for operators. */

const MB = 1024 * 1024

/** How much one process serves at a time, and how long it waits for slow clients. */
export const connectionLimits = {
  /** requests and socket operations in flight: whole ones, whose caller is known */
  operationsInFlight: 1_000,
  /** live connections opened with tokens of one contact */
  connectionsPerContact: 100,
  /** bytes that may wait for one reader */
  sendBufferBytes: MB,
  /** how long bytes may wait for a reader without any of them leaving */
  stallMs: 30_000,
  /** between two pings; a client that has not answered when the next one is due is disconnected, so within two intervals of falling silent */
  pingMs: 25_000,

  /** how long the headers of a request may take, from the opening of the connection or the end of the request before */
  headersMs: 10_000,
  /** how fast a body has to arrive, on average, once `bodyGraceMs` have passed */
  bodyBytesPerSecond: 1_024,
  bodyGraceMs: 5_000,
  /** connections of one client whose request is not whole yet; beyond it, the oldest ones are cut that have waited for `unfinishedMs` */
  unfinishedPerClient: 500,
  unfinishedMs: 1_000,
  /** the same of all clients; beyond it, the oldest one of the client with the most is cut at once */
  unfinishedInAll: 5_000,
  /** bytes of unfinished bodies of one client, at least twice the largest body; beyond it, its oldest one is cut */
  unfinishedBytesPerClient: 32 * MB,
  /** the same of all clients, at least four times the largest body; beyond it, the oldest one of the client with the most bytes is cut */
  unfinishedBytesInAll: 64 * MB,

  /** WebSockets of one address that have not sent a valid credential */
  anonymousSocketsPerAddress: 50,
  /** how long one may go without */
  anonymousSocketMs: 30_000,
  /** upgrades of one address that wait until one of those sockets has sent its credential */
  waitingUpgradesPerAddress: 1_000,
  /** how long after its opening a silent socket is still expected to send one; afterwards nobody waits for it */
  credentialExpectedMs: 1_000,

  /** look-ups without a result in a minute, by address: of keys, and of providers that reports name */
  failedLookUpsPerMinute: 20,
  /** how long the result of such a look-up is remembered */
  failedLookUpMs: 10_000,

  /** refusals for rate that one client is answered at once in a second */
  refusalsPerSecond: 20,
  /** how long it waits for each further one */
  refusalPauseMs: 1_000,
  /** refusals that wait in this way; more are answered at once */
  refusalsWaiting: 2_000,

  /** results of `/metrics` and of `/ready` that are computed at once; more requests get the last one */
  freshReads: 10,
  /** how many a second they become again */
  freshReadsPerSecond: 1,
  /** how old a count of rows in `/metrics` may be */
  countMs: 5_000,
} as const

/** Limits that a test may lower; the server runs with `connectionLimits`. */
export type ConnectionLimits = { readonly [K in keyof typeof connectionLimits]: number }

/**
 * The budgets of cost, in each process: what each may spend a second, and for how many seconds a budget that is not used adds up. A project
 * may have its own numbers, and the settings others for all.
 */
export const budgetDefaults = {
  /** all callers of a project together */
  project: { perSecond: 200_000, seconds: 4 },
  /** all contact tokens of a project together, so that they never spend what its backend needs */
  contacts: { perSecond: 100_000, seconds: 4 },
  /** one API key, or all access tokens of a project */
  key: { perSecond: null, seconds: 4 },
  /** one contact, with all its tokens */
  contact: { perSecond: 5_000, seconds: 20 },
  /** one address, for callers without a credential */
  address: { perSecond: 2_000, seconds: 10 },
  /** one address, for all contact tokens that are used from it: a company, or a mobile network, may be behind one */
  addressOfContacts: { perSecond: 100_000, seconds: 4 },
} as const satisfies Record<string, { readonly perSecond: number | null; readonly seconds: number }>

/** Introspection by callers without a credential, for each address. */
export const introspectionLimit = { perSecond: 5 / 60, burst: 5 } as const

/** The turns of operations: how many are executed at a time, and who waits. See `turns.ts`. */
export const turnLimits = {
  /** operations that are executed at a time */
  running: 16,
  /** of them, those of the contact tokens of one project */
  runningOfContacts: 6,
  /** of them, those of one contact, or of one address without a credential */
  runningOfContact: 3,
  /** operations that cost much and are executed at a time, in addition */
  heavy: 3,
  /** of them, those of one project */
  heavyOfProject: 2,
  /** of them, those of contact tokens of one project */
  heavyOfContacts: 1,
  /** operations of one contact, or of one address without a credential, that are executed or wait */
  perContact: 100,
  /** how long an operation may wait for its turn */
  waitMs: 5_000,
  /** how long operations may begin, one after the other, before other events have their turn */
  sliceMs: 5,
} as const

/** Limits that a test may lower. */
export type TurnLimits = { readonly [K in keyof typeof turnLimits]: number }
