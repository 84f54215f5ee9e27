/** The house: which folder may import from which, what nobody may do, and that what is printed is up to date. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
const src = join(root, 'src')

const web = join(root, 'web')

interface Import {
  readonly file: string
  readonly to: string
  readonly isType: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('generated'))
  .sort()

const pages = readdirSync(web, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !/^(generated|dist)\//.test(file))
  .sort()

const imports: Import[] = files.flatMap((file) => {
  const text = readFileSync(join(src, file), 'utf8')
  const found = [...text.matchAll(/^(import|export) (type )?[^'"]*? from '(\.[^']+)'|import\('(\.[^']+)'\)/gms)]
  return found.map(([whole, , type, from, inline]) => ({
    file,
    to: relative(src, resolve(src, dirname(file), from ?? inline ?? '')),
    isType: type !== undefined || inline !== undefined || isTypesOnly(whole),
  }))
})

/** `import { type A, type B } from …` brings nothing at run time. */
function isTypesOnly(text: string): boolean {
  const names = /\{([^}]*)\}/s
    .exec(text)?.[1]
    ?.split(',')
    .map((name) => name.trim())
  return names?.filter((name) => name !== '').every((name) => name.startsWith('type ')) ?? false
}

const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : path)

/** `types`: only types; a file: only that file. */
type Allowed = Readonly<Record<string, true | 'types' | readonly string[]>>
const everywhere: Allowed = { 'errors.ts': true, 'log.ts': true }
const table: Readonly<Record<string, Allowed>> = {
  graphql: { graphql: true, domain: true, db: 'types', signals: 'types' },
  http: { http: true, graphql: true, domain: true, 'config.ts': 'types' },
  domain: { domain: true, db: true, render: true },
  db: { db: true, domain: ['domain/words.ts'] },
  jobs: { jobs: true, domain: true, db: true, channels: true, signals: true, render: true },
  channels: { channels: true, domain: ['domain/words.ts'] },
  signals: { signals: true, domain: ['domain/words.ts'] },
  render: { render: true, domain: ['domain/words.ts'] },
  demo: { demo: true, domain: true, db: 'types', 'app.ts': true, 'config.ts': true },
}

function isAllowed({ file, to, isType }: Import): boolean {
  const folder = folderOf(file)
  const allowed = table[folder]
  if (allowed === undefined) return true // main.ts and app.ts wire everything
  if (to.startsWith('..')) return folder === 'demo'
  const rule = { ...everywhere, ...allowed }[folderOf(to)]
  return rule === true || (rule === 'types' && isType) || (Array.isArray(rule) && rule.includes(to))
}

describe('the import table', () => {
  it('sees the imports', () => {
    expect(imports.length).toBeGreaterThan(200)
  })
  it('is kept by every file', () => {
    expect(imports.filter((one) => !isAllowed(one)).map(({ file, to }) => `${file} imports ${to}`)).toEqual([])
  })
  it('refuses what it should refuse', () => {
    expect(isAllowed({ file: 'domain/send.ts', to: 'jobs/wake.ts', isType: true })).toBe(false)
    expect(isAllowed({ file: 'graphql/feed.ts', to: 'db/feed.ts', isType: false })).toBe(false)
    expect(isAllowed({ file: 'channels/smtp.ts', to: 'domain/send.ts', isType: true })).toBe(false)
  })
})

describe('the pages', () => {
  it('import what is in web/ and packages, never the server: they are clients like any other', () => {
    const froms = pages.flatMap((file) =>
      [...readFileSync(join(web, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, from = '']) => ({
        file,
        from,
      })),
    )
    expect(froms.length).toBeGreaterThan(2)
    const leaves = ({ file, from }: { file: string; from: string }): boolean =>
      from.startsWith('.') ? relative(web, resolve(web, dirname(file), from)).startsWith('..') : /^(node:|\/)/.test(from)
    expect(froms.filter(leaves)).toEqual([])
    expect(leaves({ file: 'inbox/client.ts', from: '../../src/errors.ts' })).toBe(true)
    expect(leaves({ file: 'inbox/client.ts', from: 'node:fs' })).toBe(true)
  })
})

describe('the source', () => {
  const linesOf = (folder: string, names: readonly string[]) =>
    names.flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .map((line, index) => ({ at: `${file}:${index + 1}`, line })),
    )
  const lines = [...linesOf(src, files), ...linesOf(web, pages)]
  const matching = (pattern: RegExp) =>
    lines.filter(({ line }) => pattern.test(line)).map(({ at, line }) => `${at} ${line.trim()}`)

  it('reads the environment in config.ts alone', () => {
    expect(matching(/process\.env/).filter((line) => !/^(main|config|demo\/demo)\.ts/.test(line))).toEqual([])
  })
  it('never asks for NODE_ENV', () => {
    expect(matching(/NODE_ENV/)).toEqual([])
  })
  it('switches no check of types or lint off, control characters apart', () => {
    expect(
      matching(
        /\bany\b *[;,)>\]=]|as unknown as|@ts-(ignore|expect-error|nocheck)|biome-ignore(?! lint\/suspicious\/noControlCharactersInRegex)/,
      ),
    ).toEqual([])
  })
  it('has at most two levels of folders, and no names that say nothing', () => {
    expect(
      [...files, ...pages].filter(
        (file) => file.split('/').length > 2 || /(^|\/)(index|utils?|helpers?|common)(\/|\.ts$)/.test(file),
      ),
    ).toEqual([])
  })
})

it('prints the schema that is committed', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(src, 'print-schema.ts'), '-'], {
    encoding: 'utf8',
    cwd: root,
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toBe(readFileSync(join(root, 'schema.graphql'), 'utf8'))
})
