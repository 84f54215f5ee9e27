/** docs/providers.md has a section for each kind: its channels, every setting as the schema describes it, and all that a message may add. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { kinds } from '../../src/channels/registry.ts'
import { schemaOf } from '../helpers/settings-schema.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/providers.md'), 'utf8')
const [, ...sections] = page.split(/^### /m).map((text) => text.split(/^## /m)[0] ?? '')
const sectionOf = (kind: string): string => sections.find((text) => text.startsWith(`\`${kind}\`\n`)) ?? ''

/** The settings that a section lists: their name, and what stands in the parentheses behind it. */
const listed = (section: string): ReadonlyMap<string, string> =>
  new Map(
    [...section.matchAll(/^- `(\w+)`(?: \(([^:]*(?:https:[^:]*)?)\))?: \S/gm)].map(([, name = '', marks = '']) => [name, marks]),
  )

it('has a section for each kind and no other', () => {
  expect(sections.map((text) => /^`([^`]+)`/.exec(text)?.[1]).sort()).toEqual(Object.keys(kinds).sort())
})

describe.each(Object.values(kinds))('$kind', (kind) => {
  const section = sectionOf(kind.kind)
  it('lists its settings, in order, with what is required, secret, and the default', () => {
    const schema = schemaOf(kind.kind)
    const required = z.array(z.string()).default([]).parse(schema['required'])
    const expected = Object.entries(schema.properties).map(([name, setting]) => {
      const isShown = setting.default !== undefined && JSON.stringify(setting.default) !== '{}'
      const value = typeof setting.default === 'string' ? setting.default : JSON.stringify(setting.default)
      const marks = [
        ...(required.includes(name) ? ['required'] : []),
        ...(setting.writeOnly === true ? ['secret'] : []),
        ...(isShown ? [`default \`${value}\``] : []),
      ]
      return [name, marks.join(', ')]
    })
    expect([...listed(section)]).toEqual(expected)
  })

  it('names its channels', () => {
    if (kind.kind === 'capture') expect(section).toMatch(/every\s+channel but IN_APP/)
    else for (const channel of kind.channels) expect(section).toContain(channel)
  })

  it('NV-33: names all that a message may add', () => {
    const named = kind.channels.flatMap((channel) => {
      const extra = kind.extra(channel)
      return extra instanceof z.ZodObject ? Object.keys(extra.shape) : []
    })
    const text = section.split('A message may add')[1] ?? ''
    for (const name of named) expect(text, name).toContain(`\`${name}\``)
    if (named.length === 0) expect(text).toMatch(kind.kind === 'capture' ? /^ anything\./ : /^ nothing\./)
  })
})
