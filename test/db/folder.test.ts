/** The folder of the embedded store, and of what is generated. */
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { prepareFolder } from '../../src/db/folder.ts'

let base: string
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'carillon-folder-'))
})
afterEach(() => rm(base, { recursive: true, force: true }))
const modeOf = async (...path: string[]): Promise<string> => ((await stat(join(base, ...path))).mode & 0o777).toString(8)

it('is created so that nobody else can list it', async () => {
  await prepareFolder(join(base, 'deep/new'))
  expect(await modeOf('deep/new')).toBe('711')
})
it('of an earlier version loses what is too much, and so do its files', async () => {
  for (const name of ['secret', 'demo.json', 'postgres.password', 'lock', 'owner.pid', 'postgres.log', 'mine']) {
    await writeFile(join(base, name), 'x')
    await chmod(join(base, name), 0o644)
  }
  await chmod(base, 0o755)
  await prepareFolder(base)
  expect(await modeOf()).toBe('711')
  for (const name of ['secret', 'demo.json', 'postgres.password', 'lock', 'owner.pid', 'postgres.log']) {
    expect([name, await modeOf(name)]).toEqual([name, '600'])
  }
  expect(await modeOf('mine')).toBe('644')
})
it('that is stricter stays so', async () => {
  await writeFile(join(base, 'secret'), 'x', { mode: 0o400 })
  await chmod(base, 0o700)
  await prepareFolder(base)
  expect([await modeOf(), await modeOf('secret')]).toEqual(['700', '400'])
})
it('that the user has for other things keeps its mode', async () => {
  await mkdir(join(base, 'home'), { mode: 0o755 })
  await chmod(join(base, 'home'), 0o755)
  await prepareFolder(join(base, 'home'))
  expect(await modeOf('home')).toBe('755')
})
