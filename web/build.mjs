/** Bundles what runs in a browser into `dist/`: each script and each style sheet one file, minified. Needs no network. Run by npm at install. */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { target, unindent } from './browser.mjs'

const web = import.meta.dirname
const dist = join(web, 'dist')

/** What is served (without its ending), and what it is made of. */
const bundles = {
  inbox: 'inbox/define.ts',
  'inbox-client': 'inbox/client.ts',
  'inbox-page': 'inbox-page/page.ts',
  console: 'console/main.ts',
  // Loaded by the console when somebody edits a template.
  'console-editor': 'console/code-editor.ts',
  // Loaded by the console when somebody looks at statistics, and imports contacts.
  'console-chart': 'console/chart.ts',
  'console-csv': 'console/csv.ts',
}
const styles = { 'inbox-page': 'inbox-page/page.css', console: 'console/page.css' }
const icons = { 'favicon.svg': 'favicon.svg', 'favicon.ico': 'favicon.ico' }
const pages = { 'inbox.html': 'inbox-page/page.html', 'console.html': 'console/page.html' }

const entries = [...Object.entries(bundles), ...Object.entries(styles)].map(([out, file]) => ({ out, in: join(web, file) }))

await rm(dist, { recursive: true, force: true })
await mkdir(dist, { recursive: true })
await build({
  entryPoints: entries,
  outdir: dist,
  bundle: true,
  plugins: [unindent],
  minify: true,
  format: 'esm',
  target,
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'warning',
})
// What is minified has line breaks in the templates of HTML alone, where they and the indentation mean a space.
for (const name of ['inbox', 'inbox-client']) {
  const path = join(dist, `${name}.js`)
  await writeFile(path, (await readFile(path, 'utf8')).trimEnd().replace(/\n\s*/g, ' '))
}
await Promise.all(Object.entries({ ...pages, ...icons }).map(([out, file]) => cp(join(web, file), join(dist, out))))
