/** The guides as tests read them: their fenced blocks in order, pasted as a reader would paste them. */
import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type DocumentNode, Kind, parse } from 'graphql'
import { expect } from 'vitest'

export const root = join(import.meta.dirname, '../..')

/** A fenced block. */
export interface Block {
  readonly language: string
  readonly text: string
  /** of its first fence, from 1 */
  readonly line: number
  /** what the guide says comes of it: the `json` block right after it; undefined: it says nothing */
  readonly answer: unknown
}

/** Reads the fenced blocks of a page. `path`: from the top of the project. */
export function readGuide(path: string): Block[] {
  const found = [...readFileSync(join(root, path), 'utf8').matchAll(/^( *)```(\w+)\n(.*?)\n\1```$/gms)].map((match) => {
    const [, indent = '', language = '', text = ''] = match
    const line = match.input.slice(0, match.index).split('\n').length
    return { language, line, text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }
  })
  return found.flatMap((block, index) => {
    if (block.language === 'json') return []
    const next = found[index + 1]
    return { ...block, answer: next?.language === 'json' ? (JSON.parse(next.text) as unknown) : undefined }
  })
}

/** Holds an answer against what the guide shows. There, `…` stands for any text, and `"…"` for any value. */
export function expectAnswer(got: unknown, { answer, line }: Block): void {
  if (answer !== undefined) expect(got, `the answer shown after line ${line}`).toEqual(pattern(answer))
}

function pattern(shown: unknown): unknown {
  if (shown === '…') return expect.anything()
  if (typeof shown === 'string' && shown.includes('…')) {
    const parts = shown.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return expect.stringMatching(new RegExp(`^${parts.join('[^]*')}$`))
  }
  if (Array.isArray(shown)) return shown.map(pattern)
  if (shown === null || typeof shown !== 'object') return shown
  return Object.fromEntries(Object.entries(shown).map(([key, value]) => [key, pattern(value)]))
}

/** Where a program is on the PATH; null: nowhere. */
export function findProgram(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not there: the next folder may have it.
    }
  }
  return null
}

/** Pastes blocks into one shell, in order. @returns what each printed. @throws when one fails */
export async function paste(
  blocks: readonly Block[],
  { cwd, env }: { readonly cwd: string; readonly env: Record<string, string> },
): Promise<string[]> {
  const mark = '@@ end of a block @@'
  const script = blocks.map(({ text }) => `${text}\nprintf '%s\\n' '${mark}'`).join('\n')
  const child = spawn('sh', ['-eu'], { cwd, env: { PATH: process.env['PATH'] ?? '', ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  child.stdin.end(script)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const printed = stdout.split(`${mark}\n`)
  if (code !== 0) throw new Error(`The block at line ${blocks[printed.length - 1]?.line} failed (${code}): ${stderr}\n${stdout}`)
  return printed.slice(0, -1)
}

/** What a server answered. */
export interface GuideAnswer {
  readonly data?: Record<string, unknown> | null
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[]
}

/** Posts a document as it stands in a guide. */
export async function post(url: string, credential: string, query: string): Promise<GuideAnswer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: credential },
    body: JSON.stringify({ query }),
  })
  return (await response.json()) as GuideAnswer
}

/** The root fields that a document asks for. */
export function rootFieldsOf(document: DocumentNode): string[] {
  return document.definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? definition.selectionSet.selections.flatMap((selection) => (selection.kind === Kind.FIELD ? selection.name.value : []))
      : [],
  )
}

/** The root fields that the server has, by type, as schema.graphql says. */
export function rootFieldsOfServer(): { readonly Query: string[]; readonly Mutation: string[]; readonly Subscription: string[] } {
  const fields = { Query: [] as string[], Mutation: [] as string[], Subscription: [] as string[] }
  for (const definition of parse(readFileSync(join(root, 'schema.graphql'), 'utf8')).definitions) {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION) continue
    const name = definition.name.value
    if (name !== 'Query' && name !== 'Mutation' && name !== 'Subscription') continue
    fields[name].push(...(definition.fields ?? []).map((field) => field.name.value))
  }
  return fields
}
