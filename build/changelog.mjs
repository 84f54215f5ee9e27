/**
 * Run by `npm version`: gives what is "Unreleased" in CHANGELOG.md the version and the date, below a new, empty "Unreleased".
 * Refuses while nothing is unreleased.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const HEADING = '## Unreleased'

/**
 * The changelog with a new release on top.
 * @param {string} text @param {string} version @param {string} date as in 2026-11-29
 * @returns {string}
 */
export function release(text, version, date) {
  const lines = text.split('\n')
  const at = lines.indexOf(HEADING)
  if (at === -1) throw new Error(`CHANGELOG.md has no line "${HEADING}".`)
  const next = lines.findIndex((line, index) => index > at && line.startsWith('## '))
  const changes = lines.slice(at + 1, next === -1 ? undefined : next)
  // A heading such as "### Added" is no change.
  if (changes.every((line) => line.trim() === '' || line.startsWith('#'))) {
    throw new Error('Nothing in CHANGELOG.md is unreleased: write down what has changed first.')
  }
  if (lines.some((line) => line.startsWith(`## ${version} `))) throw new Error(`CHANGELOG.md has the version ${version} already.`)
  return [...lines.slice(0, at + 1), '', `## ${version} - ${date}`, ...lines.slice(at + 1)].join('\n')
}

if (import.meta.filename === process.argv[1]) {
  const path = join(import.meta.dirname, '../CHANGELOG.md')
  try {
    // `preversion` only asks: package.json still has the version before.
    const isCheck = process.argv.includes('--check')
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'))
    const text = release(await readFile(path, 'utf8'), isCheck ? 'next' : version, new Date().toISOString().slice(0, 10))
    if (!isCheck) await writeFile(path, text)
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}
