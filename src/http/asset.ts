/** Files that are the same for everybody: compressed once, named by their content, asked for again in vain. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

/** Answers with the file. */
export type SendAsset = (request: IncomingMessage, response: ServerResponse, headers?: OutgoingHttpHeaders) => Promise<void>

interface Asset {
  readonly tag: string
  readonly br: Buffer
  readonly gzip: Buffer
  readonly identity: Buffer
}

/** The best of what a client takes. One that does not say, or refuses, gets the file as it is. */
function encodingFor({ headers }: IncomingMessage): 'br' | 'gzip' | 'identity' {
  const taken = new Set<string>()
  for (const one of String(headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',')) {
    const [name = '', weight = ''] = one.split(';')
    if (!/^\s*q\s*=\s*0(\.0*)?\s*$/.test(weight)) taken.add(name.trim())
  }
  return taken.has('br') ? 'br' : taken.has('gzip') || taken.has('*') ? 'gzip' : 'identity'
}

const compress = async (content: Buffer): Promise<Asset> => {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  }
  const [br, zipped] = await Promise.all([promisify(brotliCompress)(content, { params }), promisify(gzip)(content, { level: 6 })])
  return { tag: createHash('sha256').update(content).digest('base64url').slice(0, 16), br, gzip: zipped, identity: content }
}

/**
 * Makes it when it is first asked for, once. A failure is not kept: the next request tries again.
 * @param headers go with every answer, 304 included
 */
export function createAsset(load: () => Buffer | Promise<Buffer>, type: string, headers: OutgoingHttpHeaders): SendAsset {
  let asset: Promise<Asset> | null = null
  return async (request, response, more = {}) => {
    asset ??= Promise.resolve().then(load).then(compress)
    const made = await asset.catch((error: unknown) => {
      asset = null
      throw error
    })
    const encoding = encodingFor(request)
    const etag = `"${made.tag}-${encoding}"`
    const all = { 'cache-control': 'public, max-age=0, must-revalidate', vary: 'accept-encoding', etag, ...headers, ...more }
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, all).end()
      return
    }
    const body = made[encoding]
    const encoded = encoding === 'identity' ? {} : { 'content-encoding': encoding }
    response.writeHead(200, { 'content-type': type, ...encoded, 'content-length': body.length, ...all })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
}
