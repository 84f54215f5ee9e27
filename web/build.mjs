/** Bundles what runs in a browser into `dist/`: each script and each style sheet one file, minified. Needs no network. Run by npm at install. */
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

const web = import.meta.dirname
const dist = join(web, 'dist')

/** What is served (without its ending), and what it is made of. */
const bundles = {
  inbox: 'inbox/element.ts',
  'inbox-client': 'inbox/client.ts',
  'inbox-page': 'inbox/page.ts',
  console: 'console/main.ts',
}
const styles = { 'inbox-page': 'inbox/page.css', console: 'console/page.css' }
const pages = { 'inbox.html': 'inbox/page.html', 'console.html': 'console/page.html' }

const entries = [...Object.entries(bundles), ...Object.entries(styles)].map(([out, file]) => ({ out, in: join(web, file) }))

await rm(dist, { recursive: true, force: true })
await mkdir(dist, { recursive: true })
await build({
  entryPoints: entries,
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  // Lit's decorators are not used, and everything else is in the browsers of 2023.
  target: ['chrome111', 'firefox113', 'safari16.4'],
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
})
await Promise.all(Object.entries(pages).map(([out, file]) => cp(join(web, file), join(dist, out))))
