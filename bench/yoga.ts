/** Stock graphql-yoga with a mutation that does nothing: what GraphQL over HTTP costs by itself. */
import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'

const schema = createSchema({
  typeDefs: `
    type Query { ok: Boolean }
    input MessageInput { id: ID template: ID! }
    type SendResult { ok: Boolean! }
    type SendMessagesPayload { results: [SendResult!]! }
    type Mutation { sendMessages(messages: [MessageInput!]!): SendMessagesPayload! }`,
  resolvers: { Mutation: { sendMessages: () => ({ results: [{ ok: true }] }) } },
})
const server = createServer(createYoga({ schema, logging: false }))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`ready http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}\n`)
})
