/** B3: e-mail through the whole pipeline to an SMTP server in a process of its own, compared with bare nodemailer and the same server. */
import pg from 'pg'
import { compare, cpuSeconds, exactly, type Measured, type Row } from './harness.ts'
import { drained, fillQueue } from './queue.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

const CONNECTIONS = 10

/** Runs B3: e-mails per second. */
export async function b3(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row> {
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
  async function nodemailer(): Promise<Measured> {
    const mailer = await stack.script('bench/mailer.ts', { SINK_PORT: smtpPort, COUNT: String(mails) })
    const cpu = { mailer: cpuSeconds(mailer.pid) }
    await mailer.stop()
    return { value: Number(mailer.ready), cpu }
  }
  const row = await compare(
    {
      name: 'B3 e-mail',
      a: 'the whole pipeline',
      b: 'raw nodemailer pool of 10',
      unit: 'mails/s',
      floor: 0.85,
      goal: 1.8,
      prepare: stack.checkpoint,
      cpu: stack.cpu({ server, sink }),
      runA: ours,
      runB: nodemailer,
    },
    6,
    print,
  )
  await pool.end()
  await server.stop()
  await sink.stop()
  return row
}
