/** The demo project's keys, kept beside the embedded store so that `npm run demo` can use them. Only the owner can read the file. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FirstStart } from './first-start.ts'

/** Where the demo server is, and its keys. */
export interface DemoKeys extends FirstStart {
  readonly url: string
}

const NAME = 'demo.json'

/** Keeps the keys. */
export const keepDemoKeys = (dir: string, keys: DemoKeys): Promise<void> =>
  writeFile(join(dir, NAME), `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })

/** The keys that a first start kept; null: there was none in this folder. */
export async function readDemoKeys(dir: string): Promise<DemoKeys | null> {
  try {
    return JSON.parse(await readFile(join(dir, NAME), 'utf8')) as DemoKeys
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new Error(`${join(dir, NAME)} can not be read`, { cause: error })
  }
}
