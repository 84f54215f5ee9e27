/** For people with a browser: a page in place of an error, with a way on. */
import { STATUS_CODES } from 'node:http'
import type { Reply } from './route.ts'
import { escapeHtml, smallPage } from './small-page.ts'

/** The page of an error. `root`: the address of the console; `explore`: there is a GraphiQL */
export function errorPage(status: number, message: string, root: string, explore: boolean): Reply {
  const isUnknown = status === 404
  return smallPage({
    status,
    title: isUnknown ? 'There is nothing here' : escapeHtml(STATUS_CODES[status] ?? 'Error'),
    text: escapeHtml(message),
    links: [
      ['Console', root],
      ...(explore ? [['GraphiQL', `${root}graphql`] as const, ['Schema', `${root}schema.graphql`] as const] : []),
    ],
  })
}
