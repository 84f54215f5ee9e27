/** An SMTP server that accepts and counts all mail: `GET /` on its second port returns how many. */
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'

let mails = 0
const smtp = createServer((socket) => {
  let inData = false
  let buffered = ''
  socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.write('220 sink ESMTP\r\n')
  socket.on('data', (chunk) => {
    buffered += chunk.toString('latin1')
    for (;;) {
      if (inData) {
        const end = buffered.indexOf('\r\n.\r\n')
        if (end < 0) {
          // Only the last 4 bytes can be part of the end marker.
          buffered = buffered.slice(-4)
          return
        }
        buffered = buffered.slice(end + 5)
        inData = false
        mails++
        socket.write('250 2.0.0 taken\r\n')
        continue
      }
      const line = buffered.indexOf('\r\n')
      if (line < 0) return
      const verb = buffered.slice(0, 4).toUpperCase()
      buffered = buffered.slice(line + 2)
      if (verb === 'EHLO') socket.write('250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n')
      else if (verb === 'DATA') {
        inData = true
        socket.write('354 go on\r\n')
      } else if (verb === 'QUIT') socket.end('221 bye\r\n')
      else socket.write('250 2.0.0 ok\r\n')
    }
  })
})
const counter = createHttp((_request, response) => response.end(String(mails)))
smtp.listen(0, '127.0.0.1', () => {
  counter.listen(0, '127.0.0.1', () => {
    process.stdout.write(`ready ${(smtp.address() as AddressInfo).port}:${(counter.address() as AddressInfo).port}\n`)
  })
})
