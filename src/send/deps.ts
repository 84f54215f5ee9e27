/** What the operations of this folder need; app.ts creates it, once. */
import type { Database } from '../db/database.ts'
import type { Clock } from '../domain/clock.ts'
import type { ContentCache } from '../domain/contents.ts'
import type { Ids } from '../domain/ids.ts'
import type { Vendors } from '../domain/provider.ts'
import type { Renderer } from '../render/renderer.ts'
import type { Sandbox } from '../render/sandbox.ts'
import type { Listens, Signal } from '../words.ts'
import type { CheckExtra } from './extra.ts'
import type { Rehearse } from './rehearsal.ts'

/** `wake` and `publish` are called after the commit: `send/` imports neither jobs nor signals. */
export interface SendDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly renderer: Renderer
  readonly contents: ContentCache
  readonly sandbox: Pick<Sandbox, 'check' | 'parse'>
  /** whether the work waits for the project's turn in the sandbox, as no caller waits for it; left out: it is refused instead */
  readonly waits?: boolean
  readonly checkExtra: CheckExtra
  readonly vendors: Pick<Vendors, 'dials' | 'carries'>
  readonly rehearse: Rehearse
  /** called when messages became due */
  wake(): void
  publish(signals: readonly Signal[]): void
  /** whether what is published reaches somebody */
  readonly listens: Listens
}
