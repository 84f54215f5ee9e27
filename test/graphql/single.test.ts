/**
 * Operations that are posted are executed without Yoga's middleware, and answered as Yoga answers them: generated operations
 * over the whole schema, valid and not. A document that has the word `subscription` in it, even in a comment, is left to Yoga.
 * `TEST_FULL=1`: 3,000 operations; `SEED` repeats a run.
 */
import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
} from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { createRandom, type Random } from '../helpers/hostile.ts'
import { CreateContactToken, Send } from '../helpers/operations.ts'
import { exampleOf, printedSchema } from '../helpers/root-fields.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const TOTAL = process.env['TEST_FULL'] === '1' ? 3_000 : 250
const SEED = Number(process.env['SEED'] ?? 20_261_130)
const LANES = 4
const DEPTH = 5

let app: TestApp
let shop: TestProject
let page: string
beforeAll(async () => {
  app = await startTestApp({ env: { CARILLON_LIMITS: 'project=off,contacts=off,key=off,contact=off,address=off' } })
  shop = await newShop(app, null)
  const messages = times(12, (n) => ({
    template: n % 3 === 0 ? 'note' : 'order',
    contact: { externalId: `c${n % 3}`, email: `c${n % 3}@example.com` },
    data: { n, number: `N-${n}` },
  }))
  const { sendMessages } = await shop.api.do(Send, { messages })
  expect(sendMessages.results.every((result) => result.ok)).toBe(true)
  await until('everything was sent', async () => {
    const query = '{ notifications(first: 50) { nodes { messages { status } } } }'
    const { body } = await ask({ query }, shop.apiKey, 'application/json')
    return body.includes('SENT') && !/QUEUED|SENDING|SCHEDULED/.test(body) ? true : undefined
  })
  page = (await shop.api.do(CreateContactToken, { contact: 'c0' })).createContactToken.token
})
afterAll(() => app.stop())

interface Answer {
  readonly status: number
  readonly type: string | null
  readonly retryAfter: string | null
  readonly body: string
}

/**
 * What has to be the same. Yoga's executor puts fields and errors in the order in which they were resolved. Where the whole result is null, the
 * first of several errors is the only one.
 */
const factsOf = ({ body, ...rest }: Answer): object => {
  const { errors = [], ...result } = JSON.parse(body) as { errors?: object[] }
  const isNull = 'data' in result && result.data === null
  return { ...rest, ...result, errors: isNull ? errors.length > 0 : errors.map((error) => JSON.stringify(error)).sort() }
}

async function ask(operation: object, credential: string | null, accept: string): Promise<Answer> {
  const answer = await fetch(`${app.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept,
      ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
    },
    body: JSON.stringify(operation),
  })
  // A reference is of one failure, and what is left of a budget of one moment, as the position of a feed is.
  const body = (await answer.text())
    .replaceAll(/"\d+\.[\da-z]+\.[\w-]+"/g, '"…"')
    .replaceAll(/"(reference|remaining)":("[^"]*"|[\d.]+)/g, '"$1":"…"')
  const { headers } = answer
  return { status: answer.status, type: headers.get('content-type'), retryAfter: headers.get('retry-after'), body }
}

/** A contact may ask only so often. */
const askUnlimited = (...asked: Parameters<typeof ask>): Promise<Answer> =>
  until('the rate allows it', async () => {
    const answer = await ask(...asked)
    return answer.body.includes('"RATE_LIMITED"') ? undefined : answer
  })

interface Generated {
  readonly query: string
  readonly variables: Record<string, unknown>
  readonly operationName?: string
  readonly extensions?: Record<string, unknown>
}

/** A query with random selections; now and then something in it is wrong. */
function operationOf(random: Random, schema: GraphQLSchema): Generated {
  const declared: string[] = []
  const fragments: string[] = []
  let count = 1
  const variables: Record<string, unknown> = {}
  const directive = (): string =>
    random.once(8) ? ` @${random.pick(['include', 'skip'])}(if: ${random.pick(['true', 'false', '$yes'])})` : ''

  const argsOf = (field: GraphQLField<unknown, unknown>): string => {
    const given = field.args.filter((arg) => isRequiredArgument(arg) || random.once(5))
    const texts = given.map((arg) => {
      const name = `v${declared.length}`
      declared.push(`$${name}: ${arg.type}`)
      const usual = exampleOf(arg.type, (_coordinate, type) => (type === 'ID' ? 'c0' : undefined))
      variables[name] = random.once(12)
        ? random.pick<unknown>([null, {}, -1, 1e9, 'x', [], true])
        : ['externalId', 'contact', 'key'].includes(arg.name)
          ? random.pick(['c0', 'c1', 'order', 'mail', 'nobody'])
          : usual
      return `${arg.name}: $${name}`
    })
    return texts.length === 0 ? '' : `(${texts.join(', ')})`
  }
  const fieldOf = (field: GraphQLField<unknown, unknown>, depth: number): string => {
    const type = getNamedType(field.type)
    // Two fields of one name must be the same field with the same arguments.
    const alias = random.once(50) ? 'a0: ' : field.args.length > 0 || random.once(3) ? `a${count++}: ` : ''
    const inner = isCompositeType(type) ? ` ${selectionOf(type, depth - 1)}` : ''
    return `${alias}${field.name}${argsOf(field)}${directive()}${inner}`
  }
  const selectionOf = (type: GraphQLNamedType, depth: number): string => {
    const parts: string[] = random.once(3) ? ['__typename'] : []
    if (isObjectType(type) || isInterfaceType(type)) {
      const fields = Object.values(type.getFields()).filter((field) => depth > 1 || !isCompositeType(getNamedType(field.type)))
      for (let n = 1 + random.int(4); n > 0 && fields.length > 0; n--) parts.push(fieldOf(random.pick(fields), depth))
    }
    if (isInterfaceType(type) || isUnionType(type)) {
      for (const possible of schema.getPossibleTypes(type))
        if (depth > 1 && random.once(2)) parts.push(`... on ${possible.name} ${selectionOf(possible, depth - 1)}`)
    }
    if (random.once(6) && depth > 1) {
      const name = `F${fragments.length}`
      fragments.push('')
      fragments[Number(name.slice(1))] = `fragment ${name} on ${type.name} ${selectionOf(type, depth - 1)}`
      parts.push(`...${name}${directive()}`)
    }
    if (random.once(60)) parts.push(random.pick(['nothing', '...Nothing', '@', 'id { id }']))
    return `{ ${(parts.length === 0 ? ['__typename'] : parts).join(' ')} }`
  }

  const root = schema.getQueryType()
  if (!root) throw new Error('There are no queries')
  const fields = times(1 + random.int(2), () => fieldOf(random.pick(Object.values(root.getFields())), DEPTH)).join(' ')
  const introspection = random.once(20) ? ' __type(name: "Contact") { name fields { name } }' : ''
  const head = ['$yes: Boolean! = true', ...declared].join(', ')
  const query = `query Q(${head}) { __typename @include(if: $yes) ${fields}${introspection} } ${fragments.join(' ')}`
  return {
    query: random.once(40) ? query.slice(0, random.int(query.length)) : query,
    variables,
    ...(random.once(10) ? { operationName: random.pick(['Q', 'R', '']) } : {}),
    ...(random.once(8) ? { extensions: { cost: true } } : {}),
  }
}

const ACCEPTS = ['*/*', 'application/json', 'application/graphql-response+json', 'text/event-stream, application/*;q=0.1, */*']

it(`answers ${TOTAL} generated operations as Yoga does (seed ${SEED})`, async () => {
  const schema = printedSchema()
  const random = createRandom(SEED)
  const operations = times(TOTAL, () => {
    const operation = operationOf(random, schema)
    // Introspection without a credential has a limit of its own.
    const others = operation.query.includes('__type(') ? [] : [page, null]
    return {
      operation,
      credential: random.pick([shop.apiKey, shop.apiKey, shop.apiKey, ...others]),
      accept: random.pick(ACCEPTS),
    }
  })
  const codes = new Map<string, number>()
  const lane = async (): Promise<void> => {
    for (let next = operations.pop(); next !== undefined; next = operations.pop()) {
      const { operation, credential, accept } = next
      const withComment = (comment: string) => ({ ...operation, query: `${operation.query}\n# ${comment}` })
      // The fourth time, the document is kept, was executed, and has come with these variables: it is executed from a plan.
      const first = await askUnlimited(withComment('single result'), credential, accept)
      for (const _time of [2, 3]) await askUnlimited(withComment('single result'), credential, accept)
      const answer = await askUnlimited(withComment('single result'), credential, accept)
      expect(factsOf(answer), JSON.stringify(operation)).toEqual(factsOf(first))
      const byYoga = await askUnlimited(withComment('subscription.'), credential, accept)
      expect(factsOf(answer), JSON.stringify(operation)).toEqual(factsOf(byYoga))
      const code = /"code":"(\w+)"/.exec(answer.body)?.[1] ?? 'none'
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  await Promise.all(times(LANES, lane))
  process.stderr.write(`${TOTAL} operations by their first code: ${JSON.stringify(Object.fromEntries(codes))}\n`)
  expect(codes.get('none')).toBeGreaterThan(TOTAL / 10)
  expect(codes.size).toBeGreaterThan(4)
}, 300_000)
