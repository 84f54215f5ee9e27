/** Encrypts what is stored with the first secret, in the present form: afterwards no other secret is needed for it. */
import { type Database, transact } from '../db/database.ts'
import { lockSettings, type StoredSettingsRow, writeSettings } from '../db/provider.ts'
import type { Json } from '../words.ts'
import { mapSecrets } from './provider.ts'
import { isSealed, type Secrets, UnsealError } from './secrets.ts'

/** What `reseal` did. */
export interface ResealReport {
  /** secrets that were encrypted again */
  readonly resealed: number
  /** secrets that were encrypted with the first secret already */
  readonly current: number
  /** secrets that none of the server's secrets decrypts; they were left as they are */
  readonly unreadable: readonly { readonly projectId: string; readonly provider: string; readonly setting: string }[]
}

const BATCH = 100
const FIRST = '00000000-0000-0000-0000-000000000000'

/** What `createReseal` needs. */
export interface ResealDeps {
  readonly db: Pick<Database, 'pool'>
  readonly secrets: Secrets
  /** the names of a kind's secret settings; none for a kind that this version does not have */
  secretSettings(kind: string): readonly string[]
}

/**
 * Creates the operation. It locks at most 100 providers at a time, for the time of two statements, while servers run; one that ends half way
 * through goes on where it was when it is called again.
 */
export function createReseal({ db, secrets, secretSettings }: ResealDeps): () => Promise<ResealReport> {
  return async () => {
    let [resealed, current] = [0, 0]
    const unreadable: { projectId: string; provider: string; setting: string }[] = []

    function resealedSettings({ projectId, id, key, kind, settings }: StoredSettingsRow): { changed: number; settings: Json } {
      let changed = 0
      const mapped = mapSecrets(secretSettings(kind), settings, (text, setting) => {
        const place = { projectId, providerId: id, setting }
        try {
          const plain = isSealed(text) ? secrets.unseal(text, place) : text
          if (isSealed(text) && secrets.isCurrent(text)) {
            current++
            return text
          }
          changed++
          return secrets.seal(plain, place)
        } catch (error) {
          if (!(error instanceof UnsealError)) throw error
          unreadable.push({ projectId, provider: key, setting })
          return text
        }
      })
      return { changed, settings: mapped }
    }

    for (let after = FIRST; ; ) {
      const rows = await transact(db.pool, async (tx) => {
        const locked = await lockSettings(tx, after, BATCH)
        const results = locked.map((row) => ({ id: row.id, ...resealedSettings(row) })).filter(({ changed }) => changed > 0)
        if (results.length > 0) await writeSettings(tx, results)
        resealed += results.reduce((sum, { changed }) => sum + changed, 0)
        return locked
      })
      after = rows.at(-1)?.id ?? after
      if (rows.length < BATCH) return { resealed, current, unreadable }
    }
  }
}
