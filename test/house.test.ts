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
  .filter((file) => file.endsWith('.ts') && !/(^|\/)(generated|dist|node_modules)\//.test(file))
  .sort()

const importsOf = (folder: string, names: readonly string[]): Import[] =>
  names.flatMap((file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    const found = [...text.matchAll(/^(import|export) (type )?[^'"]*? from '(\.[^']+)'|import\('(\.[^']+)'\)/gms)]
    return found.map(([whole, , type, from, inline]) => ({
      file,
      to: relative(folder, resolve(folder, dirname(file), from ?? inline ?? '')),
      isType: type !== undefined || inline !== undefined || isTypesOnly(whole),
    }))
  })
const imports = importsOf(src, files)
const pageImports = importsOf(web, pages)

/** `import { type A, type B } from …` brings nothing at run time. */
function isTypesOnly(text: string): boolean {
  const names = /\{([^}]*)\}/s
    .exec(text)?.[1]
    ?.split(',')
    .map((name) => name.trim())
  return names?.filter((name) => name !== '').every((name) => name.startsWith('type ')) ?? false
}

const folderOf = (path: string): string => (path.includes('/') ? (path.split('/')[0] ?? '') : path)

/** `types`: only types; files: only types of these. */
type Allowed = Readonly<Record<string, true | 'types' | { readonly types: readonly string[] }>>
const everywhere: Allowed = { 'words.ts': true, 'errors.ts': true, 'log.ts': true, 'lru.ts': true, values: true }
const table: Readonly<Record<string, Allowed>> = {
  // Of db, the types of Prisma's rows and its client, which the builder's plugin takes.
  graphql: {
    graphql: true,
    'carillon.ts': true,
    send: 'types',
    domain: 'types',
    db: { types: ['db/generated/client.ts'] },
    signals: 'types',
  },
  dialects: { dialects: true, 'carillon.ts': true, send: 'types', domain: 'types' },
  http: { http: true, graphql: true, dialects: true, 'carillon.ts': true, send: 'types', domain: 'types', 'config.ts': 'types' },
  'carillon.ts': { send: true, domain: true, db: true, render: true },
  send: { send: true, domain: true, db: true, render: true },
  domain: { domain: true, db: true, render: true },
  db: { db: true },
  jobs: { jobs: true, send: true, domain: true, db: true, channels: true, signals: true, render: true },
  channels: { channels: true },
  signals: { signals: true },
  values: { values: true },
  render: { render: true },
  cli: { cli: true, 'carillon.ts': 'types', domain: true, db: 'types', 'app.ts': true, 'config.ts': true },
}

function isAllowed({ file, to, isType }: Import): boolean {
  const folder = folderOf(file)
  const allowed = table[folder]
  if (allowed === undefined) return true // main.ts and app.ts wire everything
  if (to.startsWith('..')) return false
  const rule = { ...everywhere, ...allowed }[folderOf(to)]
  return rule === true || (isType && (rule === 'types' || (typeof rule === 'object' && rule.types.includes(to))))
}

describe('the import table', () => {
  it('sees the imports', () => {
    expect(imports.length).toBeGreaterThan(200)
  })
  it('is kept by every file', () => {
    expect(imports.filter((one) => !isAllowed(one)).map(({ file, to }) => `${file} imports ${to}`)).toEqual([])
  })
  it('refuses what it should refuse', () => {
    expect(isAllowed({ file: 'send/send.ts', to: 'jobs/jobs.ts', isType: true })).toBe(false)
    expect(isAllowed({ file: 'graphql/feed.ts', to: 'db/feed.ts', isType: true })).toBe(false)
    expect(isAllowed({ file: 'graphql/feed.ts', to: 'db/generated/client.ts', isType: false })).toBe(false)
    expect(isAllowed({ file: 'graphql/feed.ts', to: 'domain/page.ts', isType: false })).toBe(false)
    expect(isAllowed({ file: 'graphql/sockets.ts', to: 'http/admission.ts', isType: true })).toBe(false)
    expect(isAllowed({ file: 'http/server.ts', to: 'domain/project.ts', isType: false })).toBe(false)
    expect(isAllowed({ file: 'dialects/notifuse.ts', to: 'http/route.ts', isType: true })).toBe(false)
    expect(isAllowed({ file: 'dialects/notifuse.ts', to: 'send/send.ts', isType: false })).toBe(false)
    expect(isAllowed({ file: 'channels/smtp.ts', to: 'send/send.ts', isType: true })).toBe(false)
  })
})

/**
 * The circles of imports: each group of files that reach one another (a strongly connected component, by Tarjan), sorted. Type-only imports
 * count, because such files can't be read one after the other either.
 */
function circlesOf(given: readonly Pick<Import, 'file' | 'to'>[]): string[][] {
  const targets = Map.groupBy(given, ({ file }) => file)
  const order = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  const visit = (file: string): number => {
    const mine = order.size
    let low = mine
    order.set(file, mine)
    open.push(file)
    for (const { to } of targets.get(file) ?? []) {
      if (!order.has(to)) low = Math.min(low, visit(to))
      else if (open.includes(to)) low = Math.min(low, order.get(to) ?? mine)
    }
    if (low === mine) {
      const group = open.splice(open.indexOf(file))
      if (group.length > 1 || targets.get(file)?.some(({ to }) => to === file) === true) circles.push(group.sort())
    }
    return low
  }
  for (const file of targets.keys()) if (!order.has(file)) visit(file)
  return circles
}

describe('circles of imports', () => {
  it('are found, type-only ones included', () => {
    const line = (file: string, to: string, isType = false): Import => ({ file, to, isType })
    const tree = [line('a.ts', 'b.ts'), line('a.ts', 'c.ts'), line('b.ts', 'd.ts'), line('c.ts', 'd.ts')]
    expect(circlesOf(tree)).toEqual([])
    expect(circlesOf([...tree, line('d.ts', 'b.ts', true)])).toEqual([['b.ts', 'd.ts']])
    expect(circlesOf([...tree, line('d.ts', 'a.ts', true)])).toEqual([['a.ts', 'b.ts', 'c.ts', 'd.ts']])
    expect(circlesOf([...tree, line('d.ts', 'd.ts')])).toEqual([['d.ts']])
  })
  it('do not occur in src', () => expect(circlesOf(imports)).toEqual([]))
  it('do not occur in web', () => {
    expect(pageImports.length).toBeGreaterThan(200)
    expect(circlesOf(pageImports)).toEqual([])
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
  it('leave the inbox on its own: of everything around it, it knows the generated types alone', () => {
    const leaves = ({ file, to, isType }: Import): boolean =>
      file.startsWith('inbox/') && !to.startsWith('inbox/') && !(isType && to.startsWith('generated/'))
    expect(pageImports.filter(leaves)).toEqual([])
    expect(leaves({ file: 'inbox/client.ts', to: 'graphql.ts', isType: false })).toBe(true)
    expect(leaves({ file: 'inbox/client.ts', to: 'generated/graphql.ts', isType: false })).toBe(true)
    expect(leaves({ file: 'inbox/client.ts', to: 'generated/graphql.ts', isType: true })).toBe(false)
  })
})

/** Words that a reader has to translate (as regular expressions, in lower case), and what to write instead. */
const plainWords: Readonly<Record<string, string>> = {
  // Not the columns handover_at and handover_provider, and their fields in Prisma's model: a rename would take a migration.
  'hand[- ]?[oO]vers?(?!_|At|Provider)': 'attempt, send',
  '(handed|hands|handing) over': 'attempt, send',
  aside: 'sandbox',
  'outlets?': 'send buffer, budget',
  'spokes?': 'connection',
  'twins?': 'duplicate, dependent channel',
  'bur(y|ied|ies|ying)': 'suppress, drop',
  'misfits?': 'validation error',
  'for ever': 'permanently',
  anew: 'again',
  whoever: 'the caller who, the process that',
  'in vain': 'without result',
  'heed(s|ed|ing)?': 'respect',
  '(write|writes|writing|written|wrote) ((it|them|that|this) )?down': 'persist, record',
  'so many a': 'up to N in a',
  'makes it[.]': 'what it is for, or nothing',
  'what it works with[.]': 'what it is for, or nothing',
  'the echo': 'pub/sub',
  'the hands': 'workers',
  '(store|record|database) is away': 'is unavailable',
  createLook: 'createClaimCursor',
  createDoors: 'createHttpServer',
  createLane: 'createLimiter',
}

/** A word by itself or as a part of a name (`isAside`, `twinOf`, `ASIDE_MS`), but not inside a longer word. */
function patternOf(word: string): string {
  const capital = word.replace(/[a-z]/, (first) => first.toUpperCase())
  return `(?<![A-Za-z])${word}(?![a-z])|${capital}(?![a-z])|(?<![A-Za-z])${word.toUpperCase()}(?![A-Za-z])`
}
const anyPlainWord = new RegExp(Object.keys(plainWords).map(patternOf).join('|'))
const plainWordPatterns = Object.entries(plainWords).map(([word, instead]) => ({ pattern: new RegExp(patternOf(word)), instead }))

interface Line {
  readonly at: string
  readonly line: string
}

/** What to change in these lines, in the order of the list. */
const translated = (given: readonly Line[]): string[] =>
  given
    .filter(({ line }) => anyPlainWord.test(line))
    .flatMap(({ at, line }) =>
      plainWordPatterns.flatMap(({ pattern, instead }) => {
        const word = pattern.exec(line)?.[0]
        return word === undefined ? [] : [`${at} "${word}": write ${instead}`]
      }),
    )

describe('the source', () => {
  const linesOf = (folder: string, names: readonly string[]) =>
    names.flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .map((line, index) => ({ at: `${file}:${index + 1}`, line })),
    )
  const lines = [...linesOf(src, files), ...linesOf(web, pages)]
  /** This file lists the words, so it is left out. */
  const testLines = ['test', 'bench'].flatMap((folder) => {
    const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    const own = names.filter((file) => file.endsWith('.ts') && !file.includes('generated') && file !== 'house.test.ts').sort()
    return linesOf(join(root, folder), own)
  })
  const inRepository = [...lines, ...testLines]
  const matching = (pattern: RegExp) =>
    lines.filter(({ line }) => pattern.test(line)).map(({ at, line }) => `${at} ${line.trim()}`)

  it('reads the environment in config.ts alone', () => {
    expect(matching(/process\.env/).filter((line) => !/^(main|config)\.ts/.test(line))).toEqual([])
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
  it('does not use words that a reader has to translate', () => {
    expect(translated(inRepository)).toEqual([])
  })
  it('finds such words in names, comments and texts', () => {
    const found = (line: string) => translated([{ at: 'made-up.ts:1', line }])
    expect(found('  // It is buried when it was handed over.')).toEqual([
      'made-up.ts:1 "handed over": write attempt, send',
      'made-up.ts:1 "buried": write suppress, drop',
    ])
    for (const name of ['isAside', 'createAside()', 'ASIDE_MS', 'aside_at', 'handOver', 'handoverMs', 'twinOf', 'Twins']) {
      expect(found(`const a = ${name}`)).toHaveLength(1)
    }
    expect(found('  /** Whoever waits, waits in vain for ever. */')).toHaveLength(3)
    expect(found('/** Makes it. */')).toEqual(['made-up.ts:1 "Makes it.": write what it is for, or nothing'])
    expect(found("  failed: 'Could not write it down',")).toHaveLength(1)
    expect(found('`SELECT handover_at, handover_provider FROM message`')).toEqual([])
    expect(found('{ handoverAt: null, handoverProvider: null }')).toEqual([])
    expect(found('considerations, brightwinged, bespoke, a second hand overall, makes items')).toEqual([])
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
