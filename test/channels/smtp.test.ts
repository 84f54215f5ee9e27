import { connect, createServer, type Server, type Socket } from 'node:net'
import { simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import { type Provider, ProviderError, type RenderedEmail } from '../../src/channels/provider.ts'
import { createSmtp, isTlsRequired, smtp } from '../../src/channels/smtp.ts'
import type { SmtpTimes } from '../../src/channels/smtp-connection.ts'
import { email } from '../helpers/email.ts'
import { describeProvider } from '../helpers/provider-contract.ts'
import { type SmtpFault, type SmtpSink, type SmtpStage, startSmtp } from '../helpers/smtp.ts'

const QUICK: SmtpTimes = { connectMs: 2_000, greetingMs: 150, silenceMs: 150, totalMs: 2_000, idleMs: 2_000 }
const PATIENT: SmtpTimes = { connectMs: 5_000, greetingMs: 5_000, silenceMs: 5_000, totalMs: 10_000, idleMs: 5_000 }

const cleanUps: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

async function sink(options?: Parameters<typeof startSmtp>[0]): Promise<SmtpSink> {
  const server = await startSmtp(options)
  cleanUps.push(() => server.close())
  return server
}

function provider(settings: Record<string, unknown>, times = PATIENT, allowPrivateHosts = true): Provider {
  const parsed = smtp.settings.parse({ host: '127.0.0.1', from: 'shop@example.org', ...settings })
  const made = createSmtp(parsed, { allowPrivateHosts }, times)
  cleanUps.push(() => made.close())
  return made
}

const send = (to: Provider, changes: Partial<RenderedEmail> = {}, signal = new AbortController().signal) =>
  to.send(email(changes), signal)

async function failure(sending: Promise<unknown>): Promise<ProviderError> {
  const outcome = await sending.then(
    () => new Error('It was sent.'),
    (error: unknown) => error,
  )
  if (outcome instanceof ProviderError) return outcome
  throw outcome
}

const facts = ({ outcome, code, addressDead }: ProviderError) => ({ outcome, code, addressDead })

describe('what arrives', () => {
  const hard: [string, string][] = [
    ['text in several scripts', 'Grüße, 안녕하세요, שלום, 👩‍👩‍👧'],
    ['lines that begin with dots', '.\n..\n.hidden\n...end'],
    [
      'an end of data inside (SMTP smuggling)',
      'one\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<evil@example.com>\r\nDATA\r\ntwo',
    ],
    ['bare line feeds and dots', 'one\n.\nQUIT\n.\n'],
    ['one line of 100,000 characters', 'x'.repeat(100_000)],
    ['a line of 100,000 characters outside ASCII', '한'.repeat(100_000)],
    ['lines of spaces and tabs', 'a \n\t\n  b\t'],
  ]
  it.each(hard)('keeps %s as it was, in both parts', async (_, content) => {
    const server = await sink()
    await send(provider({ port: server.port }), { text: content, html: `<p>${content}</p>` })
    const [mail] = server.messages
    const parsed = await simpleParser(mail?.raw ?? '', { skipTextToHtml: true })
    const lines = (text: string | false | undefined) => (text === false ? '' : (text ?? '')).replace(/\r\n/g, '\n')
    expect(server.messages).toHaveLength(1)
    expect(lines(parsed.text)).toBe(lines(content))
    expect(lines(parsed.html)).toBe(lines(`<p>${content}</p>`))
    expect(lines(mail?.text ?? '')).toBe(lines(content))
    for (const line of mail?.raw.split('\r\n') ?? []) expect(line.length).toBeLessThanOrEqual(998)
  })

  it('is byte for byte what was given where line ends are unusual', async () => {
    const server = await sink()
    await send(provider({ port: server.port }), { text: 'a\r.\rb', html: '<p>a\r.\r\u0000</p>' })
    expect(server.messages[0]).toMatchObject({ text: 'a\r.\rb', html: '<p>a\r.\r\u0000</p>' })
  })

  it('has the sender, subject and addresses that were given, and exactly our headers', async () => {
    const server = await sink()
    const to = provider({ port: server.port, from: 'Läden Zwei & Co <shop@example.org>' })
    const subject = 'Ihre Bestellung № 5 — 감사합니다 =?utf-8?Q?fake?= '.repeat(4).trim()
    const receipt = await send(to, {
      subject,
      cc: ['cc@example.com'],
      bcc: ['hidden@example.com'],
      replyTo: '"Help, please" <help@example.org>',
      html: '<b>hi</b>',
      unsubscribeUrl: 'https://example.org/u/abc?x=1&y=2',
    })
    const [mail] = server.messages
    const parsed = await simpleParser(mail?.raw ?? '')
    expect(mail).toMatchObject({
      from: 'shop@example.org',
      to: ['anna@example.com', 'cc@example.com', 'hidden@example.com'],
      subject,
    })
    expect(parsed.subject).toBe(subject)
    expect(parsed.from?.value).toEqual([{ address: 'shop@example.org', name: 'Läden Zwei & Co' }])
    expect(parsed.replyTo?.value).toEqual([{ address: 'help@example.org', name: 'Help, please' }])
    expect(mail?.raw).not.toContain('hidden@')
    expect([...(mail?.headers.keys() ?? [])]).toEqual([
      'from',
      'to',
      'cc',
      'reply-to',
      'subject',
      'message-id',
      'date',
      'mime-version',
      'auto-submitted',
      'list-unsubscribe',
      'list-unsubscribe-post',
      'content-type',
    ])
    expect(mail?.messageId).toBe('0199c1de-0000-7000-8000-000000000001@example.org')
    expect(receipt).toEqual({ providerMessageId: mail?.messageId, response: '250 2.0.0 queued as 1' })
    expect(parsed.date).toEqual(new Date('2026-01-02T03:04:05Z'))
    expect(mail?.headers.get('list-unsubscribe')).toBe('<https://example.org/u/abc?x=1&y=2>')
  })

  it('folds a long ASCII subject without changing it', async () => {
    const server = await sink()
    const subject = Array.from({ length: 120 }, (_, at) => `word${at}`).join(' ')
    await send(provider({ port: server.port }), { subject })
    expect((await simpleParser(server.messages[0]?.raw ?? '')).subject).toBe(subject)
    expect(Math.max(...(server.messages[0]?.raw.split('\r\n').map((line) => line.length) ?? []))).toBeLessThanOrEqual(78)
  })

  it('is the text alone, the html alone, or nothing, when that is all there is', async () => {
    const server = await sink()
    const to = provider({ port: server.port, maxConnections: 1 })
    await send(to, { text: 'only text' })
    await send(to, { text: null, html: '<i>only html</i>' })
    await send(to, { text: null, html: null })
    expect(server.messages.map(({ text, html }) => [text?.trim() ?? null, html?.trim() ?? null])).toEqual([
      ['only text', null],
      [null, '<i>only html</i>'],
      ['', null],
    ])
  })

  it('goes to the punycode form of an international domain', async () => {
    const server = await sink()
    await send(provider({ port: server.port, from: 'Laden <post@müller.example>' }), { address: 'kim@한국.example' })
    expect(server.messages[0]).toMatchObject({ from: 'post@xn--mller-kva.example', to: ['kim@xn--3e0b707e.example'] })
  })
})

describe('hostile input (I32 to I35)', () => {
  const addresses = [
    'a@b.example\r\nBcc: evil@example.com',
    'a@b.example\nRCPT TO:<evil@example.com>',
    'a@b.example>\r\nRCPT TO:<evil@example.com',
    'a@b.example, evil@example.com',
    'a@b.example;evil@example.com',
    'g: a@b.example, evil@example.com;',
    'a@b.example> SIZE=1',
    '"a b"@example.com',
    '"a@b"@example.com',
    'a(comment)@example.com',
    'a@[127.0.0.1]',
    'a@127.0.0.1',
    'a@127.1',
    'a@１２７.1',
    'a@example.com.',
    'a@-example.com',
    'a@exa_mple.com',
    'a@example..com',
    'a@example.com/evil',
    'a@%65xample.com',
    '-oQ/tmp@example.com',
    '.a@example.com',
    'a..b@example.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b.'.repeat(150)}example`,
    'jürgen@example.com',
    'a@b@example.com',
    'a\u0000@example.com',
    'no-at-sign',
    '@example.com',
    'a@',
    '',
  ]
  it.each(addresses)('refuses the address %j wherever it stands, before anything is said to the server', async (address) => {
    const server = await sink()
    const to = provider({ port: server.port })
    for (const changes of [{ address }, { cc: [address] }, { bcc: [address] }]) {
      expect(facts(await failure(send(to, changes)))).toEqual({ outcome: 'refused', code: 'ADDRESS_INVALID', addressDead: false })
    }
    expect(server.connections()).toBe(0)
  })
  it.each(['Anna <evil@example.com>', '<evil@example.com>'])(
    'refuses %j as the recipient, which has no name',
    async (address) => {
      const server = await sink()
      expect(facts(await failure(send(provider({ port: server.port }), { address })))).toMatchObject({ code: 'ADDRESS_INVALID' })
      expect(server.connections()).toBe(0)
    },
  )

  it.each([
    'Evil\r\nBcc: x@example.com <a@example.com>',
    'Name <a@example.com> <b@example.com>',
    'a@b.example <evil@example.com>',
    'x'.repeat(10_000),
  ])('refuses %j as a sender or reply address', async (value) => {
    const server = await sink()
    const to = provider({ port: server.port })
    for (const changes of [{ from: value }, { replyTo: value }]) {
      expect(facts(await failure(send(to, changes)))).toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID' })
    }
    expect(server.connections()).toBe(0)
    expect(smtp.settings.safeParse({ host: 'mail.example', from: value }).success).toBe(false)
  })

  it('refuses two senders, and takes two reply addresses', async () => {
    const server = await sink()
    const to = provider({ port: server.port })
    const two = 'a@example.com, "B, C" <b@example.com>'
    expect(facts(await failure(send(to, { from: two })))).toMatchObject({ outcome: 'refused', code: 'ADDRESS_INVALID' })
    await send(to, { replyTo: two })
    expect((await simpleParser(server.messages[0]?.raw ?? '')).replyTo?.value).toEqual([
      { address: 'a@example.com', name: '' },
      { address: 'b@example.com', name: 'B, C' },
    ])
    expect(smtp.settings.safeParse({ host: 'mail.example', from: two }).success).toBe(false)
  })

  const headers: [string, Partial<RenderedEmail>][] = [
    ['a line break in the subject', { subject: 'hi\r\nBcc: evil@example.com' }],
    ['a bare line feed in the subject', { subject: 'hi\nX-Evil: 1' }],
    ['a NUL in the subject', { subject: 'hi\u0000' }],
    ['a subject of 10 KB', { subject: 'x'.repeat(10_240) }],
    ['a line break in the unsubscribe link', { unsubscribeUrl: 'https://example.org/\r\nX-Evil: 1' }],
    ['an unsubscribe link that ends early', { unsubscribeUrl: 'https://example.org/>,<mailto:evil@example.com' }],
    ['an unsubscribe link that is none', { unsubscribeUrl: 'javascript:alert(1)' }],
    ['a message id with a line break', { messageId: 'x\r\nX-Evil: 1' }],
  ]
  it.each(headers)('refuses %s', async (_, changes) => {
    const server = await sink()
    expect(facts(await failure(send(provider({ port: server.port }), changes)))).toMatchObject({
      outcome: 'refused',
      code: 'BAD_INPUT',
    })
    expect(server.connections()).toBe(0)
  })

  it.each([{ path: '/etc/hostname' }, { href: 'http://169.254.169.254/' }, { pipe: 'x' }, 5])(
    'refuses %j where a text belongs',
    async (value) => {
      const server = await sink()
      const to = provider({ port: server.port })
      for (const field of ['subject', 'text', 'html']) {
        // What a caller with broken types would pass.
        const message: RenderedEmail = Object.assign(email(), { [field]: value })
        expect(facts(await failure(to.send(message, new AbortController().signal)))).toMatchObject({
          outcome: 'refused',
          code: 'BAD_INPUT',
        })
      }
      expect(server.connections()).toBe(0)
    },
  )
})

describe('faults at each stage (F20, F21)', () => {
  const stages: SmtpStage[] = ['connect', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'dot']
  const kinds: [string, SmtpFault][] = [
    ['4xx', { reply: '451 4.3.0 later' }],
    ['421', { reply: '421 4.7.0 closing' }],
    ['5xx', { reply: '554 5.7.1 no' }],
    ['a reset', 'reset'],
    ['silence', 'hang'],
  ]
  const expected = (stage: SmtpStage, kind: string) => {
    if (kind === '4xx' || kind === '421') {
      // What is said of the recipient is its domain's; 421 is the server's.
      const code = stage === 'rcpt' && kind === '4xx' ? 'HOST_UNREACHABLE' : 'PROVIDER_UNREACHABLE'
      return { outcome: 'retryable', code, addressDead: false }
    }
    if (kind === '5xx') {
      const early = stage === 'connect' || stage === 'ehlo'
      return {
        outcome: early ? 'retryable' : 'refused',
        code: early ? 'PROVIDER_UNREACHABLE' : 'PROVIDER_REFUSED',
        addressDead: false,
      }
    }
    if (stage === 'dot') return { outcome: 'unknown', code: 'OUTCOME_UNKNOWN', addressDead: false }
    return { outcome: 'retryable', code: kind === 'silence' ? 'PROVIDER_TIMEOUT' : 'PROVIDER_UNREACHABLE', addressDead: false }
  }
  const table = [true, false].flatMap((pipelining) =>
    stages.flatMap((stage) => kinds.map(([kind, fault]) => ({ stage, kind, fault, pipelining }))),
  )
  it.each(table)(
    'sorts $kind at $stage, pipelining $pipelining, and sends the next message',
    async ({ stage, kind, fault, pipelining }) => {
      const server = await sink({ auth: { user: 'u', password: 'p' }, pipelining })
      const to = provider({ port: server.port, user: 'u', password: 'p', allowInsecureAuth: true, maxConnections: 1 }, QUICK)
      server.script((step) => (step.stage === stage ? fault : undefined))
      const error = await failure(send(to))
      expect(facts(error)).toEqual(expected(stage, kind))
      if (typeof fault === 'object' && 'reply' in fault) expect(error.response).toContain(fault.reply)
      const before = server.messages.length
      expect(before).toBe(stage === 'dot' && typeof fault === 'string' ? 1 : 0)
      server.script(null)
      await send(to, { subject: 'after' })
      expect(server.messages.slice(before).map(({ subject }) => subject)).toEqual(['after'])
    },
  )

  it('sorts a refused connection as retryable', async () => {
    const server = await sink()
    await server.close()
    expect(facts(await failure(send(provider({ port: server.port }))))).toMatchObject({
      outcome: 'retryable',
      code: 'PROVIDER_UNREACHABLE',
    })
  })

  it('sorts a name that does not resolve as retryable', async () => {
    const error = await failure(send(provider({ host: 'does-not-exist.invalid' })))
    expect(facts(error)).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
  })

  it('sorts wrong credentials as refused, and does not say them', async () => {
    const server = await sink({ auth: { user: 'u', password: 'right' } })
    const error = await failure(
      send(provider({ port: server.port, user: 'u', password: 'wrong-secret', allowInsecureAuth: true })),
    )
    expect(facts(error)).toEqual({ outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false })
    expect(`${error.message}${error.response}`).not.toContain('wrong-secret')
  })

  it('ends at the signal: retryable before the message was sent, unknown after', async () => {
    const server = await sink()
    for (const [stage, outcome] of [
      ['rcpt', 'retryable'],
      ['dot', 'unknown'],
    ] as const) {
      const to = provider({ port: server.port })
      const stop = new AbortController()
      server.script((step) => {
        if (step.stage !== stage) return undefined
        stop.abort()
        return 'hang'
      })
      expect((await failure(send(to, {}, stop.signal))).outcome).toBe(outcome)
    }
  })

  it('ends after the total time, waiting for a connection included', async () => {
    const server = await sink()
    server.script((step) => (step.stage === 'mail' ? 'hang' : undefined))
    const to = provider({ port: server.port, maxConnections: 1 }, { ...PATIENT, totalMs: 100 })
    const errors = await Promise.all([failure(send(to)), failure(send(to))])
    expect(errors.map(facts)).toEqual(Array(2).fill({ outcome: 'retryable', code: 'PROVIDER_TIMEOUT', addressDead: false }))
  })

  it('does not count an idle connection that the server ended against the next message', async () => {
    const server = await sink()
    const to = provider({ port: server.port, maxConnections: 1 })
    await send(to)
    server.script((step) => (step.connection === 1 ? 'reset' : undefined))
    await send(to)
    expect(server.messages).toHaveLength(2)
    expect(server.connections()).toBe(2)
  })
})

describe('refused recipients (F22)', () => {
  const replies: [string, boolean][] = [
    ['550 5.1.1 no such user', true],
    ['550-5.1.1 The email account that you tried to reach\r\n550 5.1.1 does not exist', true],
    ['553 5.1.3 bad address', true],
    ['550 No such user here', true],
    ['550 <anna@example.com>: Recipient address rejected: User unknown in virtual mailbox table', true],
    ['550 5.7.1 relaying denied', false],
    ['550 blocked', false],
    ['550 5.7.1 user unknown to us as a sender', false],
    ['552 5.2.2 mailbox full', false],
    ['450 4.1.1 user unknown, try later', false],
  ]
  it.each(replies)('takes %j for a dead address: %j', async (reply, dead) => {
    const server = await sink()
    server.script((step) => (step.stage === 'rcpt' ? { reply } : undefined))
    const error = await failure(send(provider({ port: server.port })))
    expect(error.addressDead).toBe(dead)
    expect(error.outcome).toBe(reply.startsWith('4') ? 'retryable' : 'refused')
  })

  it('never takes a refused sender or message for a dead address', async () => {
    const server = await sink()
    for (const stage of ['mail', 'dot']) {
      server.script((step) => (step.stage === stage ? { reply: '550 5.1.1 no such user' } : undefined))
      expect((await failure(send(provider({ port: server.port })))).addressDead).toBe(false)
    }
  })

  it('fails one of many, and sends the others over the same connection', async () => {
    const server = await sink()
    const to = provider({ port: server.port, maxConnections: 1 })
    server.script((step) => (step.line.includes('bad@') ? { reply: '550 5.1.1 no such user' } : undefined))
    const results = await Promise.allSettled(
      ['a', 'b', 'bad', 'c', 'd'].map((name) => send(to, { address: `${name}@example.com` })),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(server.messages.map((mail) => mail.to[0]?.[0])).toEqual(['a', 'b', 'c', 'd'])
    expect(server.connections()).toBe(1)
  })

  it.each([true, false])('sends nothing to the copies when the main recipient is refused, pipelining %j', async (pipelining) => {
    const server = await sink({ pipelining })
    const to = provider({ port: server.port, maxConnections: 1 })
    server.script((step) => (step.line.includes('anna@') ? { reply: '550 5.1.1 no such user' } : undefined))
    const error = await failure(send(to, { cc: ['cc@example.com'], text: 'x'.repeat(200_000) }))
    expect(facts(error)).toEqual({ outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: true })
    await send(to, { address: 'ben@example.com' })
    expect(server.messages.map((mail) => mail.to)).toEqual([['ben@example.com']])
  })

  it('says in the receipt which copies were not accepted', async () => {
    const server = await sink()
    server.script((step) => (step.line.includes('<cc@') ? { reply: '550 5.1.1 nobody' } : undefined))
    const receipt = await send(provider({ port: server.port }), { cc: ['cc@example.com'], bcc: ['bcc@example.com'] })
    expect(receipt.response).toBe('250 2.0.0 queued as 1\ncopy not accepted for cc@example.com: 550 5.1.1 nobody')
    expect(server.messages[0]?.to).toEqual(['anna@example.com', 'bcc@example.com'])
  })
})

describe('connections', () => {
  it('are at most as many as set, and are used again', async () => {
    const server = await sink()
    const to = provider({ port: server.port, maxConnections: 3 })
    await Promise.all(Array.from({ length: 60 }, (_, at) => send(to, { messageId: `m${at}` })))
    expect(new Set(server.messages.map(({ messageId }) => messageId)).size).toBe(60)
    expect(server.connections()).toBe(3)
  })

  it('keep to the rate', async () => {
    const server = await sink()
    const to = provider({ port: server.port, ratePerSecond: 50 })
    const begun = performance.now()
    await Promise.all(Array.from({ length: 11 }, () => send(to)))
    expect(performance.now() - begun).toBeGreaterThanOrEqual(195)
    expect(to.limits.concurrency).toBe(20)
    expect(provider({ port: server.port, ratePerSecond: 0.5 }).limits.concurrency).toBe(5)
  })

  it('are all closed by close, which lets a send in flight end and refuses the next', async () => {
    const server = await sink()
    const to = provider({ port: server.port })
    await send(to)
    server.script((step) => (step.stage === 'dot' ? { delayMs: 50 } : undefined))
    const inFlight = send(to)
    const closing = to.close()
    await expect(inFlight).resolves.toMatchObject({ response: '250 2.0.0 queued as 1' })
    await closing
    expect(facts(await failure(send(to)))).toMatchObject({ outcome: 'retryable' })
    expect(server.messages).toHaveLength(2)
  })

  it('are refused to a private address, given as a number or behind a name, when those are not allowed', async () => {
    const server = await sink()
    for (const host of ['127.0.0.1', 'localhost', '127.1', '0.0.0.0', '::1', '::ffff:127.0.0.1', '10.0.0.1', '169.254.169.254']) {
      const error = await failure(send(provider({ host, port: server.port }, PATIENT, false)))
      expect(facts(error)).toEqual({ outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false })
      expect(error.message).toContain('points at a private address')
    }
    expect(server.connections()).toBe(0)
  })
})

describe('against smtp-server, an implementation that is not ours', () => {
  async function reference(
    options: SMTPServerOptions,
  ): Promise<{ port: number; got: Array<{ raw: string; secure: boolean; user: unknown }> }> {
    const got: Array<{ raw: string; secure: boolean; user: unknown }> = []
    const server = new SMTPServer({
      ...options,
      onData(stream, session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          got.push({ raw: Buffer.concat(chunks).toString(), secure: session.secure, user: session.user })
          done()
        })
      },
    })
    server.on('error', () => {})
    const listening: Server = await new Promise((resolve) => {
      const made = server.listen(0, '127.0.0.1', () => resolve(made))
    })
    cleanUps.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const address = listening.address()
    if (address === null || typeof address === 'string') throw new Error('The server has no port.')
    return { port: address.port, got }
  }
  const onAuth: SMTPServerOptions['onAuth'] = (auth, _session, done) =>
    auth.username === 'u' && auth.password === 'p' ? done(null, { user: 'u' }) : done(new Error('no'))

  it('logs in over STARTTLS and delivers', async () => {
    const server = await reference({ onAuth })
    const to = provider({ port: server.port, user: 'u', password: 'p', tlsVerify: false, requireTls: true })
    await send(to, { text: 'über\n.\nend', html: '<p>ü</p>' })
    const parsed = await simpleParser(server.got[0]?.raw ?? '')
    expect(server.got).toMatchObject([{ secure: true, user: 'u' }])
    expect(parsed.text).toBe('über\n.\nend')
  })

  it('sends no password over a connection without TLS, unless a setting says so', async () => {
    const given: unknown[] = []
    const server = await reference({
      hideSTARTTLS: true,
      allowInsecureAuth: true,
      onAuth: (auth, session, done) => {
        given.push(auth.password)
        return onAuth(auth, session, done)
      },
    })
    const error = await failure(send(provider({ port: server.port, user: 'u', password: 'p' })))
    expect(error).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE', about: 'provider' })
    expect(error.message).toMatch(/no TLS.*secure: true.*allowInsecureAuth/)
    expect([given, server.got]).toEqual([[], []])
    await send(provider({ port: server.port, user: 'u', password: 'p', allowInsecureAuth: true }))
    expect(given).toEqual(['p'])
    expect(server.got).toMatchObject([{ secure: false, user: 'u' }])
  })

  it('logs in after STARTTLS only, where the server offers AUTH before', async () => {
    const given: boolean[] = []
    const server = await reference({
      allowInsecureAuth: true,
      onAuth: (auth, session, done) => {
        given.push(session.secure)
        return onAuth(auth, session, done)
      },
    })
    await send(provider({ port: server.port, user: 'u', password: 'p', tlsVerify: false }))
    expect(given).toEqual([true])
  })

  it('sends no password to somebody who takes STARTTLS out of the answer on the way', async () => {
    const server = await reference({ onAuth, allowInsecureAuth: true })
    const heard: string[] = []
    const between = createServer((client) => {
      const upstream = connect(server.port, '127.0.0.1')
      client.on('error', () => {}).on('close', () => upstream.destroy())
      upstream.on('error', () => {}).on('close', () => client.destroy())
      client.on('data', (data) => {
        heard.push(data.toString('latin1'))
        upstream.write(data)
      })
      upstream.on('data', (data) => client.write(data.toString('latin1').replace('STARTTLS', 'XXXXXXXX'), 'latin1'))
    })
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve))
    cleanUps.push(() => new Promise((resolve) => between.close(resolve)))
    const address = between.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const error = await failure(send(provider({ port, user: 'u', password: 'p', tlsVerify: false })))
    expect(error).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
    expect(heard.join('')).toMatch(/EHLO/)
    expect(heard.join('')).not.toMatch(/AUTH|MAIL|DATA/)
    expect(server.got).toHaveLength(0)
  })

  it('requires TLS of every host but this machine, unless a setting says otherwise', () => {
    const open = (host: string, more: object) => isTlsRequired(smtp.settings.parse({ host, from: 'a@example.org', ...more }))
    for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost', 'mail.localhost', 'LOCALHOST.']) {
      expect([host, open(host, {}), open(host, { requireTls: true })]).toEqual([host, false, true])
    }
    for (const host of ['smtp.example.com', '10.0.0.1', '192.0.2.1', 'localhost.example.com', '2001:db8::1', '127.example.com']) {
      expect([host, open(host, {}), open(host, { requireTls: false })]).toEqual([host, true, false])
    }
  })

  it('delivers over TLS from the first byte', async () => {
    const server = await reference({ onAuth, secure: true, authOptional: true })
    await send(provider({ port: server.port, secure: true, tlsVerify: false }))
    expect(server.got).toMatchObject([{ secure: true }])
  })

  it.each([true, false])('refuses a certificate that can not be trusted, TLS from the first byte: %j', async (secure) => {
    const server = await reference({ secure, authOptional: true })
    const error = await failure(send(provider({ port: server.port, secure })))
    expect(facts(error)).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
    expect(error.message).toMatch(/certificate of the mail server is not accepted.*tlsVerify: false\. \(.*certificate/i)
    expect(server.got).toHaveLength(0)
  })

  it('does not send in clear when TLS is required and not offered', async () => {
    const server = await reference({ authOptional: true, hideSTARTTLS: true, disabledCommands: ['STARTTLS'] })
    const error = await failure(send(provider({ port: server.port, requireTls: true })))
    expect(error).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_UNREACHABLE' })
    expect(error.message).toMatch(/does not offer STARTTLS.*secure: true.*requireTls: false/)
    expect(server.got).toHaveLength(0)
  })

  it('sorts wrong credentials as refused', async () => {
    const server = await reference({ onAuth })
    const error = await failure(send(provider({ port: server.port, user: 'u', password: 'x', tlsVerify: false })))
    expect(facts(error)).toEqual({ outcome: 'refused', code: 'PROVIDER_REFUSED', addressDead: false })
  })

  it('does not send what is larger than the server takes', async () => {
    const server = await reference({ authOptional: true, size: 1_000 })
    const error = await failure(send(provider({ port: server.port, tlsVerify: false }), { text: 'x '.repeat(1_000) }))
    expect(facts(error)).toMatchObject({ outcome: 'refused', code: 'PROVIDER_REFUSED' })
  })

  it('gives up on a server that accepts and says nothing', async () => {
    const sockets: Socket[] = []
    const mute = createServer((socket) => sockets.push(socket.on('error', () => {})))
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    cleanUps.push(() => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => mute.close(resolve))
    })
    const address = mute.address()
    const port = typeof address === 'object' ? address?.port : undefined
    for (const secure of [true, false]) {
      const to = provider({ port, secure }, { ...QUICK, connectMs: 150 })
      expect(facts(await failure(send(to)))).toMatchObject({ outcome: 'retryable', code: 'PROVIDER_TIMEOUT' })
    }
  })
})

describeProvider('smtp', async () => {
  const server = await startSmtp()
  return {
    settings: { host: '127.0.0.1', port: server.port, from: 'a@example.org' },
    received: () => server.messages.length,
    close: () => server.close(),
  }
})
