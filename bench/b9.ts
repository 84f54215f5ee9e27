/** B9: a call of each dialect, compared with the GraphQL mutation that does the same. */
import { compare, exactly, type Measured, type Row } from './harness.ts'
import { load, post } from './load.ts'
import { graphql, newProject, type Stack, secrets } from './stack.ts'

const CONCURRENCY = 16

/** A call of a dialect. `accepted` is in the body of each answer that says that it was done. */
interface Call {
  readonly name: string
  readonly path: string
  readonly scheme: string
  readonly accepted: string
  body(n: number): object
  /** the same in GraphQL */
  readonly query: string
  readonly acceptedThere: string
  variables(n: number): object
}

const id = (n: number): string => `id-${n}`
const contact = (n: number): string => `c${n % 1_000}`
const SEND =
  'mutation($m: [MessageInput!]!) { sendMessages(messages: $m, wait: SENT) { results { id ok error { code } emailError { code } smsError { code } } } }'

const calls: readonly Call[] = [
  {
    ...{ name: 'Notifuse, messages.send', path: '/notifuse/messages.send', scheme: 'Bearer ', accepted: '"ok":true' },
    body: (n) => ({ messages: [{ id: id(n), notificationId: 'bench', userId: contact(n), data: { n } }] }),
    ...{ query: SEND, acceptedThere: '"ok":true' },
    variables: (n) => ({ m: [{ id: id(n), template: 'bench', contact: { externalId: contact(n) }, data: { n } }] }),
  },
  {
    ...{ name: 'Novu, events/trigger', path: '/novu/v1/events/trigger', scheme: 'ApiKey ', accepted: '"acknowledged":true' },
    body: (n) => ({ name: 'bench', to: { subscriberId: contact(n) }, transactionId: id(n), payload: { n } }),
    query: 'mutation($m: [MessageInput!]!) { sendMessages(messages: $m) { results { ok error { code } } } }',
    acceptedThere: '"ok":true',
    variables: (n) => ({ m: [{ transactionId: id(n), template: 'bench', contact: { externalId: contact(n) }, data: { n } }] }),
  },
  {
    ...{ name: 'Notifly, track-event', path: '/notifly/track-event', scheme: '', accepted: '"error":null' },
    body: (n) => ({ projectID: '', userID: contact(n), eventName: 'bought', eventParams: { n }, isGlobalEvent: false }),
    query: 'mutation($e: [EventInput!]!) { trackEvents(events: $e) { acceptedCount } }',
    acceptedThere: '"acceptedCount":1',
    variables: (n) => ({ e: [{ contact: contact(n), name: 'bought', params: { n } }] }),
  },
]

/** Runs B9: requests per second. */
export async function b9(stack: Stack, quick: boolean, print: (line: string) => void): Promise<Row[]> {
  const requests = quick ? 1_500 : 10_000
  const keys = secrets()
  const server = await stack.server({ DATABASE_URL: await stack.database(), ...keys })
  const project = await newProject(server.url, keys.CARILLON_OPERATOR_KEY)
  await graphql(
    server.url,
    project.key,
    'mutation { upsertTemplates(templates: [{ key: "bench", inApp: [{ title: "Hello", body: "Number {{ n }}" }] }]) { key } }',
  )
  let next = 0

  async function run(name: string, accepted: string, requestOf: (n: number) => string): Promise<Measured> {
    let [left, done] = [requests, 0]
    const result = await load(
      server.url,
      CONCURRENCY,
      () => (left-- > 0 ? requestOf(next++) : null),
      (body) => {
        if (!body.includes(accepted)) throw new Error(body)
        done++
      },
    )
    exactly(`B9 ${name}`, requests, done)
    return { value: result.count / result.seconds }
  }

  const rows: Row[] = []
  for (const { name, path, scheme, accepted, body, query, acceptedThere, variables } of calls) {
    const dialect = (n: number): string => {
      const given = body(n)
      const named = 'projectID' in given ? { ...given, projectID: project.id } : given
      return post(server.url, path, `${scheme}${project.key}`, JSON.stringify(named))
    }
    const there = (n: number): string =>
      post(server.url, '/graphql', `Bearer ${project.key}`, JSON.stringify({ query, variables: variables(n) }))
    rows.push(
      await compare(
        {
          name: `B9 ${name}`,
          ...{ a: 'its call', b: 'the same mutation', unit: 'requests/s', floor: 0.87, goal: 1 },
          prepare: stack.checkpoint,
          cpu: stack.cpu({ server }),
          runA: () => run(name, accepted, dialect),
          runB: () => run(name, acceptedThere, there),
        },
        6,
        print,
      ),
    )
  }
  await server.stop()
  return rows
}
