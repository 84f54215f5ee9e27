/** What the builds of scripts for browsers share. */
import { readFile } from 'node:fs/promises'

/** Lit's decorators are not used, and everything else is in the browsers of 2023. */
export const target = ['chrome111', 'firefox113', 'safari16.4']

/** Drops the indentation of GraphQL documents and style sheets in scripts, which esbuild leaves as they are. */
export const unindent = {
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
