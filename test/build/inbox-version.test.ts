/** What `npm version` does to the package `carillon-inbox`. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('gives it the version of the server, and changes nothing else in its package.json and in package-lock.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-inbox-version-'))
  try {
    mkdirSync(join(folder, 'web/inbox'), { recursive: true })
    for (const name of ['build/inbox-version.mjs', 'web/inbox/package.json', 'package-lock.json']) {
      cpSync(join(root, name), join(folder, name))
    }
    writeFileSync(join(folder, 'package.json'), '{ "version": "1.2.3" }')
    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'build/inbox-version.mjs')], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const name of ['web/inbox/package.json', 'package-lock.json']) {
      const before = readFileSync(join(root, name), 'utf8').split('\n')
      const after = readFileSync(join(folder, name), 'utf8').split('\n')
      const changed = after.flatMap((line, at) => (line === before[at] ? [] : [line.trim()]))
      expect([after.length, changed]).toEqual([before.length, ['"version": "1.2.3",']])
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
