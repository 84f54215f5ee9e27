/** Frames that are made here: a client of `ws` reads them, whatever is in them and however long they are. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import WebSocket, { WebSocketServer } from 'ws'
import { bytesOf, headOf } from '../../src/graphql/frames.ts'

it('are read by a client as they were written, beside the frames of ws', async () => {
  const texts = [
    '',
    'x',
    ...[125, 126, 127, 65_535, 65_536, 200_000].map((length) => 'x'.repeat(length)),
    'é한국어🦊\u2028\0',
    // Fewer characters than a limit, more bytes.
    '한'.repeat(42),
    '🦊'.repeat(17_000),
    '\u00ff'.repeat(125),
  ]
  const http = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => http.once('listening', resolve))
  const server = new WebSocketServer({ noServer: true })
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (ws) => {
      for (const text of texts) {
        const bytes = bytesOf(text)
        socket.write(headOf(bytes.length) + bytes, 'latin1')
        ws.send(text)
      }
      ws.close(1000)
    }),
  )
  const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  const received: string[] = []
  client.on('message', (data) => received.push(String(data)))
  expect(await new Promise((resolve) => client.once('close', resolve))).toBe(1000)
  expect(received).toEqual(texts.flatMap((text) => [text, text]))
  http.close()
})
