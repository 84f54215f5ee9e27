/** Stock graphql-yoga with a mutation that does nothing and a query with a constant answer: the cost of GraphQL over HTTP alone. */
import { createServer } from 'node:http'
import { createSchema, createYoga } from 'graphql-yoga'

/** The constant answer to `feed`. */
const feed = JSON.parse(process.env['FEED'] ?? 'null')
const schema = createSchema({
  typeDefs: `
    type InAppMessage { id: ID! title: String body: String! url: String sentAt: String seenAt: String readAt: String }
    type PageInfo { endCursor: String hasNextPage: Boolean! }
    type FeedConnection { nodes: [InAppMessage!]! pageInfo: PageInfo! unseenCount: Int! }
    type Query { feed(contact: ID, first: Int, after: String): FeedConnection }
    input MessageInput { id: ID template: ID! }
    type SendResult { ok: Boolean! }
    type SendMessagesPayload { results: [SendResult!]! }
    type Mutation { sendMessages(messages: [MessageInput!]!): SendMessagesPayload! }`,
  resolvers: { Query: { feed: () => feed }, Mutation: { sendMessages: () => ({ results: [{ ok: true }] }) } },
})
const server = createServer(createYoga({ schema, logging: false }))
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`ready http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}\n`)
})
