/** docs/providers.md and the schema name every setting there is, every secret as one, and all that a message may add. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { kinds } from '../../src/channels/registry.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/providers.md'), 'utf8')
const rows = page.split('\n').filter((line) => line.startsWith('| `'))
const schema = readFileSync(join(root, 'schema.graphql'), 'utf8')

it.each(Object.values(kinds))('$kind: its row names its channels and settings, and marks its secrets', (kind) => {
  const row = rows.find((line) => line.startsWith(`| \`${kind.kind}\` |`)) ?? ''
  const names = kind.settings instanceof z.ZodObject ? Object.keys(kind.settings.shape) : []
  expect(names).not.toEqual([])
  for (const name of names) {
    const isSecret = (kind.secrets as readonly string[]).includes(name)
    expect(row, name).toContain(isSecret ? `**\`${name}\`**` : `\`${name}\``)
    if (!isSecret) expect(row, name).not.toContain(`**\`${name}\`**`)
    expect(schema, name).toContain(`\`${name}\``)
  }
  if (kind.kind !== 'capture') for (const channel of kind.channels) expect(row).toContain(channel)
})

it.each(Object.values(kinds))('NV-33: $kind: the page names all that a message may add', (kind) => {
  const [, table = ''] = page.split('## What a message may add')
  const row = table.split('\n').find((line) => line.startsWith(`| \`${kind.kind}\` |`)) ?? ''
  const named = kind.channels.flatMap((channel) => {
    const extra = kind.extra(channel)
    return extra instanceof z.ZodObject ? Object.keys(extra.shape) : []
  })
  for (const name of named) expect(row, name).toContain(`\`${name}\``)
  if (named.length === 0) expect(table.split('|')[0]).toContain(`\`${kind.kind}\``)
})
