/** Generates the files that are not committed: the Prisma client, Pothos's types, typed GraphQL documents and the pages. npm runs it at install. */
import { readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, join, relative, sep } from 'node:path'
import { generateDocuments } from '../../codegen.ts'

const root = join(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)

/** What `prisma generate` does. The package `prisma` would bring its Studio and a database along, several times what the rest takes. */
async function generateClient() {
  const { getGenerators } = require('@prisma/internals')
  const { PrismaClientTsGenerator } = require('@prisma/client-generator-ts')
  const generators = await getGenerators({
    schemaPath: join(root, 'prisma/schema.prisma'),
    registry: { 'prisma-client': { type: 'in-process', generator: new PrismaClientTsGenerator() } },
    cliCommand: 'generate',
    skipDownload: true,
  })
  try {
    for (const generator of generators) await generator.generate()
  } finally {
    for (const generator of generators) generator.stop()
  }
}

/** Files of packages that nothing here reads: source maps, sources of what is compiled, Node's headers, Prisma's compilers for other databases. */
const unread = [
  /\.map$/,
  /^(effect|rxjs|zod)\/src\//,
  /^effect\/dist\/dts\//,
  /^node\/node_modules\/node-[^/]+\/include\//,
  /^@prisma\/client\/runtime\/query_compiler_(small|.*(cockroachdb|mysql|sqlite|sqlserver))/,
  /^@graphql-yoga\/render-graphiql\/cjs\//,
]

/** Removes it: a quarter of what an install takes. */
async function prune() {
  const folder = join(root, 'node_modules')
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const found = paths.filter((path) => unread.some((pattern) => pattern.test(relative(folder, path).replaceAll(sep, '/'))))
  await Promise.all(found.map((path) => rm(path)))
}

// Pothos's generator is a program that is looked for on PATH.
process.env.PATH = `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`
process.chdir(root)
await generateClient()
await generateDocuments(root)
await import('../../web/build.mjs')
await prune()
