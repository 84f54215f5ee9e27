/** Imports contacts from a file: a dry run first, then in batches, with pauses, and on from where it was cut. */
import type { UpsertContactInput } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { type Api, ApiError, isPassing } from './api.ts'
import { type Column, contactOf, type Existing } from './contact-columns.ts'
import { failureOf } from './load.ts'
import { createPart } from './part.ts'

export const ImportContacts = graphql(`
  mutation ImportContacts($contacts: [UpsertContactInput!]!, $dryRun: Boolean!) {
    upsertContacts(contacts: $contacts, dryRun: $dryRun) { inserted updated failed { externalId error { message } } }
  }
`)

/** What reads files of CSV. */
export const loadCsv = createPart<typeof import('./csv.ts')>('console-csv.js')

/** Contacts of one call; fewer where they are long. */
const BATCH = 500
const BATCH_CHARACTERS = 200_000
/** Rows that were refused and are kept to be shown and downloaded. */
const REFUSED_MAX = 10_000
const PAUSE_MAX_MS = 30_000

/** What is imported, and how. */
export interface Plan {
  readonly file: File
  readonly encoding: string
  readonly columns: readonly Column[]
  readonly mode: Existing
}

/** A row that is not imported. */
export interface Refused {
  readonly row: number
  readonly why: string
  readonly cells: readonly string[]
}

/** How far it is. */
export interface ImportState {
  readonly isDryRun: boolean
  readonly phase: 'running' | 'paused' | 'waiting' | 'stopped' | 'done' | 'failed'
  /** rows that are dealt with, those of an earlier visit among them */
  readonly rows: number
  /** the last row that is dealt with, as a spreadsheet counts it */
  readonly last: number
  /** of the file, 0 to 1 */
  readonly share: number
  readonly created: number
  readonly updated: number
  /** contacts that are listed a second time */
  readonly repeated: number
  readonly refusedCount: number
  readonly refused: readonly Refused[]
  /** why it failed, or what it waits for */
  readonly message: string | null
}

/** A run of a plan. */
export interface Import {
  readonly state: ImportState
  pause(): void
  resume(): void
  /** Ends it after the batch that is being written. */
  stop(): void
}

interface Options {
  readonly api: Api
  readonly plan: Plan
  readonly isDryRun: boolean
  /** where an earlier visit ended; null: from the beginning */
  readonly from: Pick<ImportState, 'last' | 'rows' | 'created' | 'updated' | 'refusedCount'> | null
  /** The state is another one. */
  changed(): void
}

/** Begins a run. */
export function startImport({ api, plan, isDryRun, from, changed }: Options): Import {
  const { file, columns, mode } = plan
  const begun = from ?? { last: 1, rows: 0, created: 0, updated: 0, refusedCount: 0 }
  let state: ImportState = {
    ...{ isDryRun, phase: 'running', share: 0, repeated: 0, refused: [], message: null },
    ...begun,
  }
  const known = new Set<string>()
  let isStopped = false
  let wake: (() => void) | null = null
  const set = (change: Partial<ImportState>): void => {
    state = { ...state, ...change }
    changed()
  }
  /** those of the rows that are read and not dealt with yet */
  let refusedNow: Refused[] = []
  const refuse = (row: number, why: string, cells: readonly string[]): void => void refusedNow.push({ row, why, cells })
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  async function whilePaused(): Promise<void> {
    while (state.phase === 'paused' && !isStopped) await new Promise<void>((resolve) => (wake = resolve))
  }

  /** Asks until there is an answer that will stay the same. Contacts that are sent again are changed to what they are. */
  async function ask(contacts: readonly UpsertContactInput[]) {
    for (let pauseMs = 1_000; ; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
      try {
        const { upsertContacts } = await api.ask(ImportContacts, { contacts: [...contacts], dryRun: isDryRun })
        if (state.phase === 'waiting') set({ phase: 'running', message: null })
        return upsertContacts
      } catch (error) {
        const failure = failureOf(error)
        if (isStopped || (!isPassing(failure) && failure.code !== 'OUTCOME_UNKNOWN')) throw failure
        if (state.phase === 'running') set({ phase: 'waiting', message: failure.message })
        await sleep(pauseMs)
        await whilePaused()
        if (isStopped) throw failure
      }
    }
  }

  type Row = { readonly number: number; readonly cells: readonly string[]; readonly contact: UpsertContactInput }
  async function write(batch: readonly Row[]): Promise<void> {
    const { inserted, updated, failed } = await ask(batch.map(({ contact }) => contact))
    const news = (ids: readonly string[]): number => ids.filter((id) => !known.has(id)).length
    const counts = { created: news(inserted), updated: news(updated) }
    const repeated = batch.length - new Set(batch.map(({ contact }) => contact.externalId)).size
    const again = [...inserted, ...updated].length - counts.created - counts.updated
    for (const id of [...inserted, ...updated]) known.add(id)
    const why = new Map(failed.map(({ externalId, error }) => [externalId, error.message]))
    for (const { number, cells, contact } of batch) {
      const message = why.get(String(contact.externalId))
      if (message !== undefined) refuse(number, message, cells)
    }
    set({
      ...{ created: state.created + counts.created, updated: state.updated + counts.updated },
      repeated: state.repeated + again + repeated,
    })
  }

  async function run(): Promise<void> {
    const { readCsv } = await loadCsv()
    await readCsv(file, plan.encoding, async (rows, bytesRead) => {
      let batch: Row[] = []
      let characters = 0
      let count = 0
      const flush = async (last: number): Promise<void> => {
        if (batch.length > 0) await write(batch)
        const refused = [...state.refused, ...refusedNow.sort((one, other) => one.row - other.row)].slice(0, REFUSED_MAX)
        set({ rows: state.rows + count, last, refused, refusedCount: state.refusedCount + refusedNow.length })
        refusedNow = []
        ;[batch, characters, count] = [[], 0, 0]
      }
      for (const { number, cells } of rows) {
        if (number <= begun.last) continue
        await whilePaused()
        if (isStopped) return false
        count += 1
        const read = contactOf(cells, columns, mode)
        if ('wrong' in read) refuse(number, read.wrong, cells)
        else {
          batch.push({ number, cells, contact: read.contact })
          characters += cells.reduce((sum, cell) => sum + cell.length, 0)
        }
        if (batch.length >= BATCH || characters >= BATCH_CHARACTERS) await flush(number)
      }
      if (count > 0) await flush(rows.at(-1)?.number ?? state.last)
      set({ share: file.size === 0 ? 1 : Math.min(1, bytesRead / file.size) })
      return !isStopped
    })
    if (isStopped) set({ phase: 'stopped' })
    else set({ phase: 'done', share: 1 })
  }

  run().catch((error: unknown) => {
    if (isStopped) return set({ phase: 'stopped' })
    set({ phase: 'failed', message: error instanceof ApiError || error instanceof Error ? error.message : String(error) })
  })
  const awake = (): void => {
    wake?.()
    wake = null
  }
  return {
    get state() {
      return state
    },
    pause: () => set({ phase: 'paused' }),
    resume() {
      set({ phase: 'running', message: null })
      awake()
    },
    stop() {
      isStopped = true
      awake()
    },
  }
}
