/** The way of one e-mail, as docs/architecture.md lists it, is the way that the imports take: forward, in twelve files at most. */
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** The list of the guide. */
function listed(guide: string): string[] {
  const section = guide.split(/^## /m).find((part) => /^One e-mail/.test(part)) ?? ''
  return [...section.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, path = '']) => path)
}

interface Import {
  readonly to: string
  readonly isType: boolean
}
function importsOf(path: string): Import[] {
  const text = readFileSync(join(root, path), 'utf8')
  return [...text.matchAll(/^(?:import|export) (type )?([^'"]*?) from '(\.[^']+)'/gms)].map(
    ([, type, names = '', from = '']) => ({
      to: relative(root, resolve(root, dirname(path), from)),
      isType: type !== undefined || [...names.matchAll(/\b(type )?\w+(?=\s*[,}])/g)].every(([, one]) => one !== undefined),
    }),
  )
}

/** What follows each file: the next in the list that it imports, or that is passed to it (the worker is woken, the provider is opened). */
const files = listed(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))
const [workerStarts, wire] = ['src/jobs/deliver.ts', 'src/channels/smtp.ts']

it('is at most twelve files from the mutation to the provider', () => {
  expect(files.length).toBeLessThanOrEqual(12)
  expect([files[0], files.at(-1)]).toEqual(['src/graphql/send.ts', wire])
})

it('reaches each file from one before it', () => {
  const reached = (path: string, index: number): boolean =>
    files.slice(0, index).some((before) => importsOf(before).some(({ to }) => to === path))
  // The mutation's types come from the outcome; what it calls is in carillon.ts, which imports send.ts. The table of messages lies before
  // the worker, and the registry opens the provider.
  const passed = new Map([
    ['src/send/send.ts', 'src/carillon.ts'],
    [workerStarts, 'src/app.ts'],
    [wire, 'src/channels/registry.ts'],
  ])
  const missing = files.filter((path, index) => {
    const wiring = passed.get(path)
    return index > 0 && !(wiring === undefined ? reached(path, index) : importsOf(wiring).some(({ to }) => to === path))
  })
  expect(missing).toEqual([])
})

it('never goes back: no file uses one before it, but for the decision, which is made again when the message goes out', () => {
  const back = files.flatMap((path, index) =>
    importsOf(path)
      .filter(({ to, isType }) => !isType && files.slice(0, index).includes(to))
      .map(({ to }) => `${path} uses ${to}`),
  )
  expect(back).toEqual(['src/jobs/compose.ts uses src/send/decide.ts'])
})

it('sees what an import brings', () => {
  expect(importsOf('src/send/accept.ts')).toContainEqual({ to: 'src/send/plan.ts', isType: false })
  expect(importsOf('src/send/accept.ts')).toContainEqual({ to: 'src/send/outcome.ts', isType: true })
})

it('names each package that the server depends on, and what for', () => {
  const [, section = ''] = readFileSync(join(root, 'docs/architecture.md'), 'utf8').split('## What it depends on')
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
  const manifest: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const wanted = Object.keys({ ...manifest['dependencies'], ...manifest['optionalDependencies'] })
  expect(named.toSorted()).toEqual(wanted.toSorted())
})
