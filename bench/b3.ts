/**
 * B3: e-mail through the whole pipeline to an SMTP server in a process of its own, compared with bare nodemailer and the same server: from a
 * backlog, and from the calls that send it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { compare, cpuSeconds, exactly, type Measured, type Row } from './harness.ts'
import { load, request } from './load.ts'
import { drained, fillQueue } from './queue.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

const CONNECTIONS = 10
/** Messages of one call, and calls at once. */
const [CALL, CALLS] = [100, 4]
const SEND = 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok error { code } } } }'

/** Runs B3: e-mails per second. */
export async function b3(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const mails = quick ? 2_000 : 20_000
  const url = await stack.database()
  const keys = secrets()
  const sink = await stack.script('bench/sink.ts', {})
  const [smtpPort = '', httpPort = ''] = sink.ready.split(':')
  const taken = async (): Promise<number> => Number(await (await fetch(`http://127.0.0.1:${httpPort}/`)).text())
  const server = await stack.server({ DATABASE_URL: url, ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    `mutation($settings: JSONObject!) {
      upsertTemplates(templates: [{ key: "bench", email: [{
        subject: "Number {{ n }}", text: "Hello {{ firstName }}, this is {{ n }}.", html: "<p>Hello <b>{{ firstName }}</b>, this is {{ n }}.</p>" }] }]) { key }
      configureProviders(providers: [{ key: "mail", channel: EMAIL, kind: "smtp", settings: $settings }]) { key }
    }`,
    { settings: { host: '127.0.0.1', port: Number(smtpPort), from: 'Shop <shop@example.com>', maxConnections: CONNECTIONS } },
  )
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on('error', () => {})
  let run = 0

  async function ours(): Promise<Measured> {
    const transactionId = `b3-${++run}`
    const before = await taken()
    await fillQueue(pool, project.id, transactionId, mails)
    const { seconds, sent } = await drained(pool, project.id, transactionId)
    exactly('B3 sent', mails, sent)
    exactly('B3 taken by the SMTP server', mails, (await taken()) - before)
    return { value: mails / seconds }
  }
  /** Until the SMTP server has the last one. */
  async function sent(): Promise<Measured> {
    const name = `b3-${++run}`
    const before = await taken()
    let next = 0
    const begun = performance.now()
    await load(
      server.url,
      CALLS,
      () => {
        const from = next
        next += CALL
        if (from >= mails) return null
        const m = Array.from({ length: CALL }, (_unused, at) => ({
          id: `${name}-${from + at}`,
          template: 'bench',
          contact: { externalId: `q${from + at + 1}` },
          data: { n: from + at },
        }))
        return request(server.url, project.key, JSON.stringify({ query: SEND, variables: { m } }))
      },
      (body) => exactly('B3 accepted', CALL, body.split('"ok":true').length - 1),
    )
    const acceptedMs = performance.now() - begun
    while ((await taken()) - before < mails) await sleep(5)
    const seconds = (performance.now() - begun) / 1_000
    await drained(pool, project.id, name)
    const { rows } = await pool.query(
      `SELECT count(*)::int AS sent FROM notification n JOIN message m ON m.project_id = n.project_id AND m.notification_id = n.id
       WHERE n.project_id = $1 AND n.key LIKE $2 AND m.status = 'SENT'`,
      [project.id, `${name}-%`],
    )
    exactly('B3 sent', mails, rows[0]?.sent)
    exactly('B3 taken by the SMTP server', mails, (await taken()) - before)
    return { value: mails / seconds, extra: { 'accepted/s': (mails * 1_000) / acceptedMs } }
  }
  async function nodemailer(): Promise<Measured> {
    const mailer = await stack.script('bench/mailer.ts', { SINK_PORT: smtpPort, COUNT: String(mails) })
    const cpu = { mailer: cpuSeconds(mailer.pid) }
    await mailer.stop()
    return { value: Number(mailer.ready), cpu }
  }
  const common = {
    b: 'raw nodemailer pool of 10',
    unit: 'mails/s',
    prepare: stack.checkpoint,
    cpu: stack.cpu({ server, sink }),
    runB: nodemailer,
  }
  const rows = [
    await compare({ ...common, name: 'B3 e-mail', a: 'the whole pipeline', floor: 0.85, goal: 1.8, runA: ours }, 6, print),
    await compare(
      {
        ...common,
        name: 'B3 e-mail from sendMessages',
        a: `calls of ${CALL}, ${CALLS} at once, to the last mail`,
        floor: 0.7,
        goal: 1,
        runA: sent,
      },
      6,
      print,
    ),
  ]
  await pool.end()
  await server.stop()
  await sink.stop()
  return rows
}
