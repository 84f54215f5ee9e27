/** The cache of templates' contents, against a real record. */

import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createContentCache } from '../../src/domain/contents.ts'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { UpsertTemplates } from '../helpers/operations.ts'

let app: TestApp
let project: TestProject
let pool: pg.Pool
beforeAll(async () => {
  app = await startTestApp()
  project = await app.project()
  pool = new pg.Pool({ connectionString: app.databaseUrl, max: 1 })
})
afterAll(async () => {
  await pool.end()
  await app.stop()
})

const bodyOf = (body: string) => ({ templates: [{ key: 'note', inApp: [{ body }] }] })
const versionNow = async () => {
  const { rows } = await pool.query<{ id: string; version: number }>('SELECT id, version FROM template WHERE project_id = $1', [
    project.id,
  ])
  const [row] = rows
  if (row === undefined) throw new Error('There is no template')
  return { projectId: project.id, ...row }
}

it('gives the current contents to a reader that asks for an earlier version', async () => {
  await project.api.do(UpsertTemplates, bodyOf('one'))
  const before = await versionNow()
  await project.api.do(UpsertTemplates, bodyOf('two'))
  const cache = createContentCache()
  await cache.load(pool, [before])
  expect(cache.get(before).get('IN_APP', 'en')?.body).toBe('two')
  expect(cache.get(await versionNow()).get('IN_APP', 'en')?.body).toBe('two')
})

it('keeps what the batch already has while it evicts others', async () => {
  const kept = await versionNow()
  const cache = createContentCache()
  await cache.load(pool, [kept])
  const others = Array.from({ length: 3_999 }, (_unused, n) => ({ projectId: project.id, id: crypto.randomUUID(), version: n }))
  await cache.load(pool, others)
  await cache.load(pool, [kept, { projectId: project.id, id: crypto.randomUUID(), version: 1 }])
  expect(cache.get(kept).get('IN_APP', 'en')?.body).toBe('two')
})
