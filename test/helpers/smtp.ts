/** A mail server on 127.0.0.1 that keeps what it is given, and fails wherever a test says. Quick: it reads a message only when asked. */
import { createServer, type Socket } from 'node:net'

/** A point of the dialogue at which a server can answer, or not. `dot`: the whole message has arrived. */
export type SmtpStage = 'connect' | 'ehlo' | 'auth' | 'mail' | 'rcpt' | 'data' | 'dot'

/** What the client has just said. `connection` and `mail` count from 1; `mail` is the number of MAIL commands of all connections so far. */
export interface SmtpStep {
  readonly stage: SmtpStage
  readonly line: string
  readonly connection: number
  readonly mail: number
}

/** What the server does instead of agreeing. After a reply of 421 it closes. A message whose dot was answered by a refusal is not kept. */
export type SmtpFault = { readonly reply: string; readonly then?: 'close' } | { readonly delayMs: number } | 'hang' | 'reset'

/** A message as it arrived. `to`: the envelope's recipients. `raw`: undone of dot-stuffing; the rest is read from it on first use. */
export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  readonly raw: string
  /** without brackets */
  readonly messageId: string
  readonly subject: string
  readonly text: string | null
  readonly html: string | null
  /** by lower-case name, unfolded and decoded; the last of equal names */
  readonly headers: ReadonlyMap<string, string>
}

/** The server. */
export interface SmtpSink {
  readonly port: number
  readonly messages: readonly ReceivedMail[]
  /** connections accepted so far */
  readonly connections: () => number
  /** Resolves with all messages once there are `count`. */
  waitFor(count: number, timeoutMs?: number): Promise<readonly ReceivedMail[]>
  /** Decides at each step from now on; null: agrees to everything again. */
  script(decide: ((step: SmtpStep) => SmtpFault | undefined) | null): void
  close(): Promise<void>
}

/** Starts the server. `auth`: offered, and required to be these. `pipelining`: offered unless false. */
export async function startSmtp(
  options: { readonly auth?: { readonly user: string; readonly password: string }; readonly pipelining?: boolean } = {},
): Promise<SmtpSink> {
  const messages: ReceivedMail[] = []
  const sockets = new Set<Socket>()
  const waiting = new Set<() => void>()
  let decide: ((step: SmtpStep) => SmtpFault | undefined) | null = null
  let connections = 0
  let mails = 0

  const server = createServer((socket) => {
    const connection = ++connections
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))

    let input = ''
    let inBody = false
    let searchFrom = 0
    let stopped = false
    let from = ''
    let to: string[] = []

    const say = (reply: string) => {
      socket.write(`${reply}\r\n`)
      if (!reply.startsWith('421')) return
      stopped = true
      socket.end()
    }
    const step = (stage: SmtpStage, line: string, agree: () => void, keep: () => void = () => {}) => {
      const fault = decide?.({ stage, line, connection, mail: mails })
      if (fault === undefined) {
        keep()
        agree()
      } else if (fault === 'hang' || fault === 'reset') {
        keep()
        stopped = true
        if (fault === 'reset') socket.resetAndDestroy()
      } else if ('delayMs' in fault) {
        stopped = true
        setTimeout(() => {
          stopped = false
          keep()
          agree()
          read()
        }, fault.delayMs)
      } else {
        if (fault.reply.startsWith('2')) keep()
        say(fault.reply)
        if (fault.then === 'close') {
          stopped = true
          socket.end()
        }
      }
    }

    const command = (line: string) => {
      const verb = line.slice(0, 4).toUpperCase()
      if (verb === 'EHLO' || verb === 'HELO') {
        const offers = [
          'sink',
          ...(options.pipelining === false ? [] : ['PIPELINING']),
          ...(options.auth ? ['AUTH PLAIN'] : []),
          'SIZE 10485760',
        ]
        step('ehlo', line, () =>
          say(offers.map((offer, at) => `250${at === offers.length - 1 ? ' ' : '-'}${offer}`).join('\r\n')),
        )
      } else if (verb === 'AUTH') {
        const wanted = Buffer.from(`\0${options.auth?.user}\0${options.auth?.password}`).toString('base64')
        step('auth', line, () => say(line === `AUTH PLAIN ${wanted}` ? '235 2.7.0 welcome' : '535 5.7.8 wrong credentials'))
      } else if (verb === 'MAIL') {
        mails++
        from = /<(.*)>/.exec(line)?.[1] ?? ''
        to = []
        step('mail', line, () => say('250 2.1.0 ok'))
      } else if (verb === 'RCPT') {
        step('rcpt', line, () => {
          to.push(/<(.*)>/.exec(line)?.[1] ?? '')
          say('250 2.1.5 ok')
        })
      } else if (verb === 'DATA') {
        step('data', line, () => {
          if (to.length === 0) return say('503 5.5.1 no recipient')
          inBody = true
          // A body may begin with its own end, so the search begins one line end early.
          input = `\r\n${input}`
          searchFrom = 0
          say('354 go on')
        })
      } else if (verb === 'RSET') {
        to = []
        say('250 2.0.0 ok')
      } else if (verb === 'NOOP') say('250 2.0.0 ok')
      else if (verb === 'QUIT') {
        stopped = true
        socket.end('221 2.0.0 bye\r\n')
      } else say('500 5.5.2 what?')
    }

    const read = () => {
      while (!stopped) {
        if (inBody) {
          const end = input.indexOf('\r\n.\r\n', searchFrom)
          if (end < 0) {
            searchFrom = Math.max(0, input.length - 4)
            return
          }
          const raw = input.slice(2, end + 2)
          input = input.slice(end + 5)
          inBody = false
          const mail = received(from, to, raw.startsWith('.') || raw.includes('\n.') ? raw.replace(/^\./gm, '') : raw)
          const keep = () => {
            messages.push(mail)
            for (const tell of waiting) tell()
          }
          step('dot', '.', () => say('250 2.0.0 queued as 1'), keep)
        } else {
          const end = input.indexOf('\r\n')
          if (end < 0) return
          const line = input.slice(0, end)
          input = input.slice(end + 2)
          command(line)
        }
      }
    }
    socket.on('data', (chunk: string) => {
      input += chunk
      read()
    })
    step('connect', '', () => say('220 sink ESMTP'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')

  return {
    port: address.port,
    messages,
    connections: () => connections,
    waitFor: (count, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const tell = () => {
          if (messages.length < count) return
          clearTimeout(timer)
          waiting.delete(tell)
          resolve(messages)
        }
        const timer = setTimeout(() => {
          waiting.delete(tell)
          reject(new Error(`${messages.length} of ${count} messages arrived within ${timeoutMs} ms.`))
        }, timeoutMs)
        waiting.add(tell)
        tell()
      }),
    script(next) {
      decide = next
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function received(from: string, to: readonly string[], raw: string): ReceivedMail {
  let parsed: Entity | undefined
  const entity = (): Entity => (parsed ??= parseEntity(raw))
  const header = (name: string): string => entity().headers.get(name) ?? ''
  return {
    from,
    to,
    raw,
    get messageId() {
      return header('message-id').replace(/^<|>$/g, '')
    },
    get subject() {
      return header('subject')
    },
    get headers() {
      return entity().headers
    },
    get text() {
      return find(entity(), 'text/plain')
    },
    get html() {
      return find(entity(), 'text/html')
    },
  }
}

interface Entity {
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

function parseEntity(raw: string): Entity {
  const end = raw.indexOf('\r\n\r\n')
  const head = (end < 0 ? raw : raw.slice(0, end)).replace(/\r\n(?=[ \t])/g, '')
  const headers = new Map<string, string>()
  for (const line of head.split('\r\n')) {
    const at = line.indexOf(':')
    if (at > 0) headers.set(line.slice(0, at).toLowerCase(), decodeWords(line.slice(at + 1).trim()))
  }
  return { headers, body: end < 0 ? '' : raw.slice(end + 4) }
}

function find(entity: Entity, type: string): string | null {
  const contentType = entity.headers.get('content-type') ?? 'text/plain'
  const boundary = /^multipart\/.*boundary="?([^";]+)"?/i.exec(contentType)?.[1]
  if (boundary === undefined) return contentType.toLowerCase().startsWith(type) ? decodeBody(entity) : null
  for (const part of `\r\n${entity.body}`.split(`\r\n--${boundary}`).slice(1, -1)) {
    const found = find(parseEntity(part.slice(2)), type)
    if (found !== null) return found
  }
  return null
}

const utf8 = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8')

function decodeBody({ headers, body }: Entity): string {
  const encoding = (headers.get('content-transfer-encoding') ?? '').toLowerCase()
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8')
  if (encoding === 'quoted-printable') return utf8(unquote(body.replace(/=\r\n/g, '')))
  return utf8(body)
}

const unquote = (text: string): string =>
  text.replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

function decodeWords(value: string): string {
  return utf8(value)
    .replace(/(\?=)[ \t]+(?==\?)/g, '$1')
    .replace(/=\?utf-8\?([BQ])\?([^?]*)\?=/gi, (_, kind: string, text: string) =>
      kind.toUpperCase() === 'B' ? Buffer.from(text, 'base64').toString('utf8') : utf8(unquote(text.replaceAll('_', ' '))),
    )
}
