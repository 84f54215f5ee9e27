/** Generates the Prisma client and Pothos's types from prisma/schema.prisma; run by npm at install. */
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'

const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js')
const { status, stderr } = spawnSync(process.execPath, [prisma, 'generate', '--no-hints'], {
  stdio: ['ignore', 'ignore', 'pipe'],
  encoding: 'utf8',
  env: {
    ...process.env,
    PATH: `${join(import.meta.dirname, '../../node_modules/.bin')}${delimiter}${process.env.PATH}`,
    // `generate` downloads the schema engine though it never runs it; any existing file here spares the download.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  },
})
if (status !== 0) process.stderr.write(stderr)
process.exit(status ?? 1)
