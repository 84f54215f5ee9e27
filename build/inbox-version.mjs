/** Run by `npm version`: gives the package `carillon-inbox` the version of the server, in its package.json and in package-lock.json. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const read = async (name) => JSON.parse(await readFile(join(root, name), 'utf8'))
const write = (name, value) => writeFile(join(root, name), `${JSON.stringify(value, null, 2)}\n`)

const { version } = await read('package.json')
await write('web/inbox/package.json', { ...(await read('web/inbox/package.json')), version })
const lock = await read('package-lock.json')
lock.packages['web/inbox'].version = version
await write('package-lock.json', lock)
