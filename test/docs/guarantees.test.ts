/** docs/guarantees.md: what it names is there, and its examples run. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { messageStatuses } from '../../src/words.ts'
import { startTestApp, type TestApp } from '../helpers/app.ts'
import { expectAnswer, post, readGuide, root } from '../helpers/guide.ts'

const page = 'docs/guarantees.md'
const text = readFileSync(join(root, page), 'utf8')
const rows = text.split('\n').filter((line) => line.startsWith('| '))

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app?.stop())

it('states G1 to G10, each with tests that are there', () => {
  const ten = Array.from({ length: 10 }, (_unused, index) => rows.find((row) => row.startsWith(`| G${index + 1} |`)) ?? '')
  const files = ten.map((row) => [...row.matchAll(/\.\.\/(test\/\S+?\.test\.ts)/g)].map(([, file = '']) => file))
  expect(files.filter((list) => list.length === 0 || list.some((file) => !existsSync(join(root, file))))).toEqual([])
  expect(files).toHaveLength(10)
})

it('describes every status, and no other', () => {
  const [, table = ''] = text.split('## The states of a message')
  const described = [...(table.split('## Routing')[0] ?? '').matchAll(/^\| ([A-Z]+) \|/gm)].map(([, status]) => status)
  expect(described.toSorted()).toEqual(messageStatuses.toSorted())
})

it('runs every example', async () => {
  const project = await app.project()
  for (const block of readGuide(page)) {
    const answer = await post(app.url, `Bearer ${project.apiKey}`, block.text)
    expect(answer.errors, `the example at line ${block.line}`).toBeUndefined()
    expectAnswer(answer, block)
  }
})
