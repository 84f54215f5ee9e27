/** Bundles what runs in a browser into `dist/`: each script and each style sheet one file, minified. Needs no network. Run by npm at install. */
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const web = import.meta.dirname
const dist = join(web, 'dist')

/** What is served (without its ending), and what it is made of. */
const bundles = {
  inbox: 'inbox/element.ts',
  'inbox-client': 'inbox/client.ts',
  'inbox-page': 'inbox-page/page.ts',
  console: 'console/main.ts',
}
const styles = { 'inbox-page': 'inbox-page/page.css', console: 'console/page.css' }
const icons = { 'favicon.svg': 'favicon.svg', 'favicon.ico': 'favicon.ico' }
const pages = { 'inbox.html': 'inbox-page/page.html', 'console.html': 'console/page.html' }

const entries = [...Object.entries(bundles), ...Object.entries(styles)].map(([out, file]) => ({ out, in: join(web, file) }))

/** Drops the indentation of GraphQL documents and style sheets in scripts, which esbuild leaves as they are. */
const unindent = {
  name: 'unindent',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/\b(graphql\(|css)`[^`]*`/g, (text) =>
        text.replace(/\s+/g, ' ').replace(/ ?([{}]) ?/g, '$1'),
      ),
      loader: 'ts',
    }))
  },
}

await rm(dist, { recursive: true, force: true })
await mkdir(dist, { recursive: true })
await build({
  entryPoints: entries,
  outdir: dist,
  bundle: true,
  plugins: [unindent],
  minify: true,
  format: 'esm',
  // Lit's decorators are not used, and everything else is in the browsers of 2023.
  target: ['chrome111', 'firefox113', 'safari16.4'],
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
})
await Promise.all(Object.entries({ ...pages, ...icons }).map(([out, file]) => cp(join(web, file), join(dist, out))))
