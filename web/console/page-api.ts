/** What a page asks of the server: nothing more once it was left, so that what is loaded again by itself ends with it. */
import { type Api, ApiError } from './api.ts'

const isQuery = (document: unknown): boolean => /^\s*query\b/.test(String(document))

/** @returns the server for one page, and what ends its queries; mutations that have been asked for are still made */
export function pageApi(api: Api): { readonly api: Api; leave(): void } {
  let isLeft = false
  return {
    api: {
      get connection() {
        return api.connection
      },
      get isAway() {
        return api.isAway
      },
      ask: (document, variables) =>
        isLeft && isQuery(document)
          ? Promise.reject(new ApiError('LEFT', 'The page was left.', null))
          : api.ask(document, variables),
      download: api.download,
      watch: api.watch,
      close: api.close,
    },
    leave() {
      isLeft = true
    },
  }
}
