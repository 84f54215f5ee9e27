import type { CodegenConfig } from '@graphql-codegen/cli'

const options = {
  enumsAsTypes: true,
  useTypeImports: true,
  strictScalars: true,
  scalars: { DateTime: 'string', Date: 'string', JSON: 'unknown', JSONObject: 'Record<string, unknown>' },
  importExtension: '.ts' as const,
  emitLegacyCommonJSImports: false,
}

/** Typed documents for the pages, the tests, the benchmarks and the demo, from schema.graphql alone: they are clients like any other. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  ignoreNoDocuments: true,
  generates: {
    './generated/': {
      documents: ['test/**/*.ts', 'bench/**/*.ts', 'src/demo/**/*.ts'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: options,
    },
    // Its types alone are used (see web/graphql.ts): a bundle holds the documents it sends and no others.
    './web/generated/': {
      documents: ['web/**/*.ts', '!web/generated/**', '!web/dist/**'],
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: { ...options, documentMode: 'string' },
    },
  },
}

export default config
