/** Bare nodemailer with a pool, composing text and HTML: the cost of sending mail without a pipeline. Prints its rate, and ends. */
import { createTransport } from 'nodemailer'

const port = Number(process.env['SINK_PORT'])
const count = Number(process.env['COUNT'])
const transport = createTransport({
  host: '127.0.0.1',
  port,
  secure: false,
  ignoreTLS: true,
  pool: true,
  maxConnections: 10,
  maxMessages: Number.POSITIVE_INFINITY,
})
const send = (n: number) =>
  transport.sendMail({
    from: 'Shop <shop@example.com>',
    to: `q${n}@example.com`,
    subject: `Number ${n}`,
    text: `Hello Queue, this is ${n}.`,
    html: `<p>Hello <b>Queue</b>, this is ${n}.</p>`,
  })
await Promise.all(Array.from({ length: 200 }, (_unused, n) => send(n)))
const begun = performance.now()
await Promise.all(Array.from({ length: count }, (_unused, n) => send(n)))
process.stdout.write(`ready ${count / ((performance.now() - begun) / 1000)}\n`)
transport.close()
