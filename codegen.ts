/**
 * Typed documents for the pages, the tests, the benchmarks and the demo, from schema.graphql alone: they are clients like any other.
 * The preset is driven directly: GraphQL Code Generator's command line brings loaders for all the places that a schema may come from.
 */
import { globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { preset } from '@graphql-codegen/client-preset'
import { codegen } from '@graphql-codegen/core'
import { buildSchema, parse } from 'graphql'

const options = {
  enumsAsTypes: true,
  useTypeImports: true,
  strictScalars: true,
  scalars: { DateTime: 'string', Date: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>' },
  importExtension: '.ts' as const,
  emitLegacyCommonJSImports: false,
}

const outputs = [
  { folder: 'generated/', sources: ['test/**/*.ts', 'bench/**/*.ts'], config: options },
  { folder: 'src/cli/generated/', sources: ['src/cli/*.ts'], config: options },
  // Its types alone are used (see web/graphql.ts): a bundle holds the documents it sends and no others.
  { folder: 'web/generated/', sources: ['web/**/*.ts'], config: { ...options, documentMode: 'string' as const } },
]

/** The documents of a source file: what stands in backquotes as the argument of `graphql`. */
const documentsOf = (text: string): string[] =>
  [...text.matchAll(/\bgraphql\(\s*`([^`]*)`/g)].map(([, document = '']) => document)

/** Writes them all. */
export async function generateDocuments(root: string): Promise<void> {
  const sdl = await readFile(join(root, 'schema.graphql'), 'utf8')
  for (const { folder, sources, config } of outputs) {
    const paths = globSync(sources, { cwd: root, exclude: ['**/generated', '**/dist', '**/node_modules'] }).sort()
    const texts = await Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })))
    const documents = texts.flatMap(({ path, text }) =>
      documentsOf(text).map((rawSDL) => ({ location: path, rawSDL, document: parse(rawSDL) })),
    )
    const files = await preset.buildGeneratesSection({
      baseOutputDir: folder,
      schema: parse(sdl),
      schemaAst: buildSchema(sdl),
      documents,
      config,
      presetConfig: { fragmentMasking: false },
      plugins: [],
      pluginMap: {},
      pluginContext: {},
      documentTransforms: [],
    })
    for (const file of files) {
      const path = join(root, file.filename)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, await codegen(file))
    }
  }
}
