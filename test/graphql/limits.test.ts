/** The limits of documents, at the limit and one beyond, over HTTP and over a socket. */

import { getIntrospectionQuery } from 'graphql'
import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { socketLimits } from '../../src/graphql/limits.ts'
import { post, startTestServer, type TestServer } from '../helpers/test-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

interface Operation {
  readonly query: string
  readonly variables?: Record<string, unknown>
}

/** The extensions of the first error, or null. */
const transports = {
  async HTTP(operation: Operation) {
    return (await post(server.endpoint, operation)).body.errors?.[0]?.extensions ?? null
  },
  async WebSocket(operation: Operation) {
    const client = createClient({ url: server.socketUrl, webSocketImpl: WebSocket, retryAttempts: 0 })
    try {
      const answer = await client.iterate(operation).next()
      return answer.value?.errors?.[0]?.extensions ?? null
    } catch (errors) {
      if (!Array.isArray(errors)) throw errors
      return errors[0].extensions
    } finally {
      await client.dispose()
    }
  },
}

const times = (count: number, text: (n: number) => string) => Array.from({ length: count }, (_, n) => text(n)).join(' ')
const deep = (depth: number) => `{node${'{self'.repeat(depth - 2)}{id}${'}'.repeat(depth - 2)}}`
const fragments = (depth: number) =>
  `{node{...f1}} ${times(depth - 2, (n) => `fragment f${n + 1} on Node{self{...f${n + 2}}}`)} fragment f${depth - 1} on Node{id}`

/** 1,000 tokens, when `roots` is one. */
const thousand = (roots: string) =>
  `{${roots} node{${times(99, (n) => `...f${n}`)}}} ${times(98, (n) => `fragment f${n} on Node{id name}`)} fragment f98 on Node{id name self{id}}`
/** Pages in a page; each of the `leaves` costs 100 times 100 times a tenth. */
const wide = (size: string, leaves: number) =>
  `list(first:100){nodes{list(first:${size}){nodes{${times(leaves, (n) => `a${n}:id`)}}}}}`
describe.each(Object.entries(transports))('over %s', (_name, ask) => {
  it.each<[title: string, at: Operation, beyond: Operation, max: number, got: number | undefined]>([
    ['depth', { query: deep(10) }, { query: deep(11) }, 10, 11],
    ['depth through fragments', { query: fragments(10) }, { query: fragments(11) }, 10, 11],
    [
      'depth of a fragment named like introspection',
      { query: deep(10) },
      { query: `{...__schema} fragment __schema on Query ${deep(12)}` },
      10,
      12,
    ],
    [
      'fields of objects with the same name',
      { query: `{${times(100, () => 'node{id}')}}` },
      { query: `{${times(101, () => 'node{id}')}}` },
      100,
      101,
    ],
    [
      'directives',
      { query: `{node{${'...@include(if:true){id} '.repeat(50)}}}` },
      { query: `{node{${'...@include(if:true){id} '.repeat(51)}}}` },
      50,
      51,
    ],
    ['characters', { query: '{hello}'.padEnd(15_000, ' ') }, { query: '{hello}'.padEnd(15_001, ' ') }, 15_000, 15_001],
    ['tokens', { query: thousand('hello') }, { query: thousand('hello who') }, 1_000, undefined],
    ['cost by literal page sizes', { query: `{${wide('100', 39)}}` }, { query: `{${wide('100', 40)}}` }, 50_000, 50_403],
    [
      'cost by variable page sizes',
      { query: `query($n:Int){${wide('$n', 39)}}`, variables: { n: 100 } },
      { query: `query($n:Int){${wide('$n', 40)}}`, variables: { n: 100 } },
      50_000,
      50_403,
    ],
  ])('lets %s at the limit pass and refuses one beyond with QUERY_TOO_COMPLEX', async (_title, at, beyond, max, got) => {
    expect(await ask(at)).toBeNull()
    expect(await ask(beyond)).toEqual({ code: 'QUERY_TOO_COMPLEX', max, ...(got === undefined ? {} : { got }) })
  })

  it('lets the whole introspection query of GraphiQL pass', async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      inputValueDeprecation: true,
      specifiedByUrl: true,
      schemaDescription: true,
    })
    expect(await ask({ query })).toBeNull()
  })

  it('refuses introspection that goes in circles', async () => {
    const query = `{__schema{types{${'fields{type{'.repeat(6)}name${'}}'.repeat(6)}}}}`
    expect(await ask({ query })).toMatchObject({ code: 'QUERY_INVALID' })
  })

  it('lets wide pages of usual queries pass', async () => {
    const leaves = 'id name '.repeat(8)
    expect(await ask({ query: `{list(first:100){nodes{${leaves}}}}` })).toBeNull()
    expect(await ask({ query: `{list(first:100){nodes{${leaves} self{id self{id name}} a:self{id}}}}` })).toBeNull()
  })

  it('answers a hostile document within 50 ms', async () => {
    const doubled = `{...f0} ${times(40, (n) => `fragment f${n} on Query{node{...g${n}} ...f${n + 1} ...f${n + 1}} fragment g${n} on Node{self{id}}`)} fragment f40 on Query{hello}`
    const cyclic = `{...f0} ${times(150, (n) => `fragment f${n} on Query{...f${(n + 1) % 150}}`)}`
    const many = `{hello} ${times(10_000, (n) => `fragment f${n} on Query{hello}`)}`
    for (const query of [
      doubled,
      cyclic,
      many,
      `#${'x'.repeat(1_000_000)}`.slice(0, 900_000),
      `{echo(text:"${'x'.repeat(900_000)}")}`,
    ]) {
      if (query.length > socketLimits.messageBytes && ask === transports.WebSocket) continue
      // The fastest of a few: other processes of the machine are not the document's fault. Each is another text: none is known already.
      const took: number[] = []
      while (took.length < 5 && !(Math.min(...took) < 50)) {
        const started = performance.now()
        expect(await ask({ query: `${query}\n#${took.length}` })).toMatchObject({ code: expect.stringMatching(/^QUERY_/) })
        took.push(performance.now() - started)
      }
      expect(Math.min(...took)).toBeLessThan(200)
    }
  })
})
