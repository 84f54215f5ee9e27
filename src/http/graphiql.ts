/**
 * GraphiQL: one page that needs nothing but this server. What is typed into its headers pane goes along over
 * WebSocket too, and `#authorization=…` in the address fills that pane.
 */
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { createAsset, type SendAsset } from './asset.ts'

/** Stands in the rendered options, where JSON can't hold a function. */
const PLACE = '__CONNECTION_PARAMS__'

// Runs before GraphiQL reads its storage. The fragment never reaches a server or its logs; it is taken out of the address at once.
const seed = `<script>
(() => {
  // GraphiQL keeps the headers of its tabs in localStorage, for good. A credential lasts as long as the tab: they go into its own storage.
  const ofTheTab = ['graphiql:headers', 'graphiql:tabState', 'graphiql:queries', 'graphiql:favorites']
  try { for (const key of ofTheTab) localStorage.removeItem(key) } catch { /* Storage is switched off: nothing is kept. */ }
  for (const name of ['getItem', 'setItem', 'removeItem']) {
    const original = Storage.prototype[name]
    Storage.prototype[name] = function (key, ...rest) {
      return original.call(ofTheTab.includes(key) ? sessionStorage : this, key, ...rest)
    }
  }
  const given = new URLSearchParams(location.hash.slice(1)).get('authorization')
  if (given !== null) {
    localStorage.setItem('graphiql:headers', JSON.stringify({ Authorization: given }, null, 2))
    localStorage.removeItem('graphiql:tabState')
    history.replaceState({}, '', location.pathname + location.search)
  }
  // What the headers pane holds now, for the WebSocket: GraphiQL itself sends headers over HTTP only.
  window.carillonConnectionParams = () => {
    const read = (text) => { try { return JSON.parse(text) ?? {} } catch { return {} } }
    const state = read(localStorage.getItem('graphiql:tabState'))
    const tab = state.tabs?.[state.activeTabIndex]?.headers
    const headers = read(tab ?? localStorage.getItem('graphiql:headers'))
    const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization')
    return name === undefined ? {} : { authorization: headers[name] }
  }
})()
</script>`

const defaultQuery = `# Carillon: one endpoint to send, look and watch.
# Put a credential into the Headers pane below: { "Authorization": "Bearer KEY" }

{
  __typename
}
`

const policy = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline' blob:",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  'worker-src blob:',
  "connect-src 'self' ws: wss:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

function render(): string {
  const options = { title: 'Carillon', endpoint: '/graphql', subscriptionsProtocol: 'WS', defaultQuery, connectionParams: PLACE }
  const page = renderGraphiQL(options as Parameters<typeof renderGraphiQL>[0])
  const parts = page.split(JSON.stringify(PLACE))
  const [before, after] = parts
  if (before === undefined || after === undefined || parts.length !== 2 || !before.includes('<head>')) {
    throw new Error('GraphiQL renders its options in another way than it used to.')
  }
  // Plain concatenation: the page is 9 MB of script, in which "$&" and its kin would be replacement patterns.
  const head = before.indexOf('<head>') + '<head>'.length
  return `${before.slice(0, head)}${seed}${before.slice(head)}window.carillonConnectionParams${after}`.trim()
}

/** Makes the page when it is first asked for, once. */
export const createGraphiQL = (): SendAsset =>
  createAsset(() => Buffer.from(render()), 'text/html; charset=utf-8', {
    vary: 'accept, accept-encoding',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
