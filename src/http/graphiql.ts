/**
 * GraphiQL: one page that loads nothing from other servers. The `Authorization` of its headers pane is sent over
 * WebSocket too, and `#authorization=…` in the address fills that pane.
 */
import { type Asset, createAsset } from './asset.ts'

/** Mark the spots in the rendered options where an expression belongs, which JSON can't hold. */
const places = {
  __CONNECTION_PARAMS__: 'window.carillonConnectionParams',
  // The page's own address, below whatever path. Of two slashes at its beginning, a browser would make another host.
  __ENDPOINT__: "location.pathname.replace(/\\/{2,}/g, '/')",
} as const

// Runs before GraphiQL reads its storage. The fragment never reaches a server or its logs, and is removed from the address at once.
const seed = `<script>
(() => {
  // GraphiQL keeps the headers of its tabs in localStorage, permanently. A credential must not outlive the browser tab: they go into sessionStorage.
  const perTab = ['graphiql:headers', 'graphiql:tabState', 'graphiql:queries', 'graphiql:favorites']
  try { for (const key of perTab) localStorage.removeItem(key) } catch { /* Storage is disabled: nothing is stored. */ }
  for (const name of ['getItem', 'setItem', 'removeItem']) {
    const original = Storage.prototype[name]
    Storage.prototype[name] = function (key, ...rest) {
      return original.call(perTab.includes(key) ? sessionStorage : this, key, ...rest)
    }
  }
  const given = new URLSearchParams(location.hash.slice(1)).get('authorization')
  const held = localStorage.getItem('graphiql:headers')
  // A link may come from anybody: it replaces other headers only after a question.
  const isOther = given !== null && held !== null && !held.includes(JSON.stringify(given)) && /authorization/i.test(held)
  if (isOther) history.replaceState({}, '', location.pathname + location.search)
  if (given !== null && (!isOther || confirm('You are signed in. This link replaces your Authorization header. Go on?'))) {
    localStorage.setItem('graphiql:headers', JSON.stringify({ Authorization: given }, null, 2))
    localStorage.removeItem('graphiql:tabState')
    history.replaceState({}, '', location.pathname + location.search)
  }
  // The current content of the headers pane, for the WebSocket: GraphiQL itself sends headers over HTTP only.
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

/** What GraphiQL shows at first: one operation of each kind, of which one is chosen when it is run. They run on the demo project as they are. */
export const examples = `# Carillon: one endpoint to send, watch and look.
# Put a credential into the Headers pane below: { "Authorization": "Bearer KEY" }
# Press the button to run, and choose one of the operations.

# What was sent lately, on which channels, and what became of it.
query Look {
  notifications(first: 5) {
    nodes {
      id
      createdAt
      template { key }
      contact { externalId }
      messages { channel status error { code message } }
    }
  }
}

# Sends the template "welcome" to one contact, and waits until each channel has been tried once.
mutation Send {
  sendMessages(
    messages: [{ template: "welcome", contact: { externalId: "ann", email: "ann@example.com" } }]
    wait: SENT
  ) {
    results {
      ok
      error { code message }
      notification { id messages { channel status } }
    }
  }
}

# Runs until you stop it: each change of a message's status, as it happens. Run Send in another tab meanwhile.
subscription Watch {
  notificationChanged {
    at
    status
    message { channel }
    notification { contact { externalId } }
  }
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

/** Its package is one text of 9 MB, so it is loaded with the first request. */
async function render(): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const options = {
    title: 'Carillon',
    endpoint: '__ENDPOINT__',
    subscriptionsProtocol: 'WS',
    defaultQuery: examples,
    connectionParams: '__CONNECTION_PARAMS__',
  }
  let page = renderGraphiQL(options as Parameters<typeof renderGraphiQL>[0])
  // Plain concatenation: replace() would interpret "$&" and similar patterns, which 9 MB of script may contain.
  const put = (mark: string, text: string): void => {
    const [before, after, ...others] = page.split(mark)
    if (before === undefined || after === undefined || others.length > 0) {
      throw new Error('GraphiQL no longer renders its options as expected.')
    }
    page = `${before}${text}${after}`
  }
  for (const [mark, expression] of Object.entries(places)) put(JSON.stringify(mark), expression)
  // The first one is the page's; its script has others.
  const head = page.indexOf('<head>') + '<head>'.length
  return `${page.slice(0, head)}${seed}${page.slice(head)}`.trim()
}

/** Creates the page; it is rendered on the first request. */
export const createGraphiQL = (): Asset =>
  createAsset(async () => Buffer.from(await render()), 'text/html; charset=utf-8', {
    vary: 'accept, accept-encoding, origin',
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
