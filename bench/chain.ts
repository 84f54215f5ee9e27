/** The process of B5's bare leg: subscribes to Redis, and sends what it receives to every WebSocket. */
import { Redis } from 'ioredis'
import { WebSocketServer } from 'ws'

const redis = new Redis(process.env['REDIS_URL'] ?? '')
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
redis.on('message', (_channel, text) => {
  for (const client of server.clients) client.send(text)
})
server.once('listening', async () => {
  await redis.subscribe('bench')
  const address = server.address()
  process.stdout.write(`ready ws://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}\n`)
})
