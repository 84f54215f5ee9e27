/** Files that are the same for every client: compressed once, with an ETag of their content. */
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Reply } from './route.ts'

/** Answers a request with the file: compressed as the client accepts it, or 304 when it has it. `more`: headers to add. */
export type Asset = (requestHeaders: IncomingHttpHeaders, more?: OutgoingHttpHeaders) => Promise<Reply>

interface Encoded {
  readonly tag: string
  readonly br: Buffer
  readonly gzip: Buffer
  readonly identity: Buffer
}

/** The best encoding that the client accepts. The file goes out as it is to a client that names none, or refuses them all. */
function encodingFor(headers: IncomingHttpHeaders): 'br' | 'gzip' | 'identity' {
  const accepted = new Set<string>()
  for (const one of String(headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',')) {
    const [name = '', weight = ''] = one.split(';')
    if (!/^\s*q\s*=\s*0(\.0*)?\s*$/.test(weight)) accepted.add(name.trim())
  }
  return accepted.has('br') ? 'br' : accepted.has('gzip') || accepted.has('*') ? 'gzip' : 'identity'
}

const compress = async (content: Buffer): Promise<Encoded> => {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 5,
    [constants.BROTLI_PARAM_LGWIN]: 22,
    [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
  }
  const [br, zipped] = await Promise.all([promisify(brotliCompress)(content, { params }), promisify(gzip)(content, { level: 6 })])
  return { tag: createHash('sha256').update(content).digest('base64url').slice(0, 16), br, gzip: zipped, identity: content }
}

/**
 * Loads and compresses the file on the first request, once. A failure is not cached: the next request tries again.
 * @param headers sent with every answer, 304 included
 */
export function createAsset(load: () => Buffer | Promise<Buffer>, type: string, headers: OutgoingHttpHeaders): Asset {
  let loading: Promise<Encoded> | null = null
  return async (requestHeaders, more = {}) => {
    loading ??= Promise.resolve().then(load).then(compress)
    const file = await loading.catch((error: unknown) => {
      loading = null
      throw error
    })
    const encoding = encodingFor(requestHeaders)
    const etag = `"${file.tag}-${encoding}"`
    const all = { 'cache-control': 'public, max-age=0, must-revalidate', vary: 'accept-encoding', etag, ...headers, ...more }
    if (requestHeaders['if-none-match'] === etag) return { status: 304, headers: all }
    const encoded = encoding === 'identity' ? {} : { 'content-encoding': encoding }
    return { status: 200, headers: { 'content-type': type, ...encoded, ...all }, body: file[encoding] }
  }
}
