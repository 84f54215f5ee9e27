/** README.md: its tables are those of the server, and its examples are documents that the schema takes. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, parse, validate } from 'graphql'
import { expect, it } from 'vitest'
import { settings } from '../../src/config.ts'
import { readGuide, root, rootFieldsOfServer } from '../helpers/guide.ts'

const text = readFileSync(join(root, 'README.md'), 'utf8')
const section = (title: string): string => (text.split(`\n## ${title}\n`)[1] ?? '').split('\n## ')[0] ?? ''

it.each([
  ['queries', 'Query'],
  ['mutations', 'Mutation'],
  ['subscriptions', 'Subscription'],
] as const)('names each of the %s once', (title, type) => {
  const table = (section('Operations').split(`| ${title} | |\n`)[1] ?? '').split('\n\n')[0] ?? ''
  const named = table.split('\n').flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name))
  expect(named.toSorted()).toEqual(rootFieldsOfServer()[type].toSorted())
})

it('has every setting once, in the order of --help, with its default', () => {
  const rows = [...section('Settings').matchAll(/^\| `([A-Z_]+)` \| (.*?) \|/gm)].map(([, name, fallback = '']) => ({
    name,
    fallback: fallback.replaceAll('`', '').replace('–', '-'),
  }))
  expect(rows).toEqual(settings.map(({ name, fallback }) => ({ name, fallback })))
})

it('names tests that are there', () => {
  const files = [...text.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)].map(([, file = '']) => file)
  expect(files.length).toBeGreaterThan(10)
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
})

it('shows examples that the schema takes', () => {
  const schema = buildSchema(readFileSync(join(root, 'schema.graphql'), 'utf8'))
  const examples = readGuide('README.md').filter(({ language }) => language === 'graphql')
  expect(examples.length).toBeGreaterThan(1)
  for (const { text: document, line } of examples) {
    expect(validate(schema, parse(document)), `the example at line ${line}`).toEqual([])
  }
})
