/** A name server on 127.0.0.1: answers MX questions as a zone says, over UDP. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

/** What it says about a domain: exchanges, an error's code (RFC 1035: 2 SERVFAIL, 3 NXDOMAIN), bytes of no meaning, or nothing at all. */
export type ZoneAnswer = readonly string[] | { readonly rcode: number } | 'garbage' | 'silence'

/** A running name server. */
export interface NameServer {
  /** `address:port` */
  readonly address: string
  /** the domains asked for, in order */
  readonly asked: readonly string[]
  close(): Promise<void>
}

const MX = 15
const IN = 1

function nameOf(packet: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = packet.readUInt8(at); length > 0; length = packet.readUInt8(at)) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 1 }
}

const encoded = (name: string): Buffer =>
  Buffer.concat([
    ...name
      .split('.')
      .filter((label) => label !== '')
      .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ])

function record(exchange: string, index: number): Buffer {
  const target = encoded(exchange)
  const head = Buffer.alloc(14)
  head.writeUInt16BE(0xc00c, 0) // the name: where the question has it
  head.writeUInt16BE(MX, 2)
  head.writeUInt16BE(IN, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(2 + target.length, 10)
  head.writeUInt16BE((index + 1) * 10, 12)
  return Buffer.concat([head, target])
}

function answerTo(question: Buffer, end: number, exchanges: readonly string[], rcode: number): Buffer {
  const head = Buffer.alloc(12)
  question.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | rcode, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(exchanges.length, 6)
  return Buffer.concat([head, question.subarray(12, end + 4), ...exchanges.map(record)])
}

/** Starts one at a free port. Domains that the zone does not name do not exist. */
export async function startNameServer(zone: Readonly<Record<string, ZoneAnswer>>): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, from) => {
    const { name, end } = nameOf(question)
    asked.push(name)
    const answer = zone[name.toLowerCase()] ?? { rcode: 3 }
    if (answer === 'silence') return
    const bytes =
      answer === 'garbage'
        ? Buffer.concat([question.subarray(0, 2), Buffer.from('no DNS at all')])
        : 'rcode' in answer
          ? answerTo(question, end, [], answer.rcode)
          : answerTo(question, end, answer, 0)
    socket.send(bytes, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}
