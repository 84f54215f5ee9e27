/** What `npm version` does to the changelog. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

const script = join(import.meta.dirname, '../../build/changelog.mjs')
const head = '# Changelog\n\nAll notable changes.\n'
const today = new Date().toISOString().slice(0, 10)
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'carillon-version-'))
  cpSync(script, join(folder, 'build/changelog.mjs'))
  const scripts = { preversion: 'node build/changelog.mjs --check', version: 'node build/changelog.mjs' }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'x', version: '0.1.0', scripts }))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const changelog = () => readFileSync(join(folder, 'CHANGELOG.md'), 'utf8')
/** `npm version minor` in a folder with this changelog. */
const version = (text: string) => {
  writeFileSync(join(folder, 'CHANGELOG.md'), text)
  const { status, stderr } = spawnSync('npm', ['version', 'minor', '--no-git-tag-version'], { cwd: folder, encoding: 'utf8' })
  const { version: now } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { status, stderr, now }
}

it('gives what is unreleased the new version and the date, and leaves an empty "Unreleased" above it', () => {
  const older = '## 0.1.0 - 2026-11-29\n\n- The first.\n'
  expect(version(`${head}\n## Unreleased\n\n### Added\n\n- A verb.\n\n${older}`)).toMatchObject({ status: 0, now: '0.2.0' })
  expect(changelog()).toBe(`${head}\n## Unreleased\n\n## 0.2.0 - ${today}\n\n### Added\n\n- A verb.\n\n${older}`)
})

it.each([
  ['is empty', '## Unreleased\n\n## 0.1.0 - 2026-11-29\n\n- The first.\n', 'Nothing in CHANGELOG.md is unreleased'],
  [
    'has headings alone',
    '## Unreleased\n\n### Added\n\n## 0.1.0 - 2026-11-29\n\n- The first.\n',
    'Nothing in CHANGELOG.md is unreleased',
  ],
  ['is missing', '## 0.1.0 - 2026-11-29\n\n- The first.\n', 'no line "## Unreleased"'],
])('changes nothing where "Unreleased" %s', (_, text, message) => {
  const { status, stderr, now } = version(`${head}\n${text}`)
  expect({ isRefused: status !== 0, now }).toEqual({ isRefused: true, now: '0.1.0' })
  expect(stderr).toContain(message)
  expect(changelog()).toBe(`${head}\n${text}`)
})
