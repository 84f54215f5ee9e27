/**
 * The path of a request, however it was written: below the path of the public URL, which a proxy may have removed or not; with slashes at the
 * end, or several in a row. Nobody else reads `request.url`.
 */

/** What a request asks for. */
export interface RequestPath {
  /** as the table of routes has it */
  readonly path: string
  /** with its question mark, or nothing */
  readonly search: string
  /** path and query as the client wrote them, without the path of the public URL: what a signature covers */
  readonly written: string
  /** the address of `/` as a page at this address links to it, with a slash at the end */
  readonly root: string
}

/** The path of a public URL: empty, or without a slash at the end. */
export const basePathOf = (publicUrl: string): string => new URL(publicUrl).pathname.replace(/\/+$/, '')

/**
 * Creates the reader.
 * @param basePath of the public URL. Where it is empty, links are relative: a proxy may serve this server below a path that is not configured
 */
export function createRequestPath(basePath: string): (url: string | undefined) => RequestPath {
  const isBelow = (path: string): boolean =>
    // The endpoint itself, by somebody who gives its address as that of the server.
    basePath !== '' && path !== '/graphql' && (path === basePath || path.startsWith(`${basePath}/`))

  return (url = '/') => {
    // Not a URL parser, which would throw on some of what clients send.
    const mark = url.indexOf('?')
    const [given, search] = mark === -1 ? [url, ''] : [url.slice(0, mark), url.slice(mark)]
    const own = isBelow(given) ? given.slice(basePath.length) : given
    const single = given.replace(/\/{2,}/g, '/')
    const path = (isBelow(single) ? single.slice(basePath.length) : single).replace(/(?<=.)\/$/, '') || '/'
    const above = '../'.repeat(Math.max(0, single.split('/').length - 2))
    return { path, search, written: own + search, root: basePath === '' ? above || './' : `${basePath}/` }
  }
}
