/** A name server on 127.0.0.1: answers questions for MX, A and AAAA records as a zone says, over UDP. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * What it says about a domain: exchanges, addresses, an error's code (RFC 1035: 2 SERVFAIL, 3 NXDOMAIN), bytes of no meaning, or nothing at all.
 */
export type ZoneAnswer =
  | readonly string[]
  | { readonly addresses: readonly string[] }
  | { readonly rcode: number }
  | 'garbage'
  | 'silence'

/** A running name server. */
export interface NameServer {
  /** `address:port` */
  readonly address: string
  /** the domains asked for, in order */
  readonly asked: readonly string[]
  close(): Promise<void>
}

const A = 1
const AAAA = 28
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

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name: where the question has it
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(IN, 4)
  head.writeUInt32BE(60, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}
function exchangeRecord(exchange: string, index: number): Buffer {
  const preference = Buffer.alloc(2)
  preference.writeUInt16BE((index + 1) * 10)
  return record(MX, Buffer.concat([preference, encoded(exchange)]))
}
const addressRecords = (type: number, addresses: readonly string[]): Buffer[] =>
  addresses
    .filter((address) => isIPv4(address) === (type === A))
    .map((address) => record(type, Buffer.from(ipaddr.parse(address).toByteArray())))

function answerTo(question: Buffer, end: number, records: readonly Buffer[], rcode: number): Buffer {
  const head = Buffer.alloc(12)
  question.copy(head, 0, 0, 2)
  head.writeUInt16BE(0x8180 | rcode, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question.subarray(12, end + 4), ...records])
}

/** Starts one at a free port. Domains that the zone does not name do not exist. */
export async function startNameServer(zone: Readonly<Record<string, ZoneAnswer>>): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, from) => {
    const { name, end } = nameOf(question)
    const type = question.readUInt16BE(end)
    // The two questions for addresses are one.
    if (type !== AAAA) asked.push(name)
    const answer = zone[name.toLowerCase()] ?? { rcode: 3 }
    if (answer === 'silence') return
    const bytes =
      answer === 'garbage'
        ? Buffer.concat([question.subarray(0, 2), Buffer.from('no DNS at all')])
        : 'rcode' in answer
          ? answerTo(question, end, [], answer.rcode)
          : answerTo(
              question,
              end,
              'addresses' in answer ? addressRecords(type, answer.addresses) : answer.map(exchangeRecord),
              0,
            )
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
