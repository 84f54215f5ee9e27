/** The demo project's keys, stored next to the embedded database so that `npm run demo` can use them. Only the owner can read the file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The keys of the project that a first start created. */
export interface FirstStart {
  readonly apiKey: string
  readonly accessKey: string
  readonly secretKey: string
  readonly contact: string
  readonly contactToken: string
}

/** The URL of the server, and the keys of its demo project. */
export interface DemoKeys extends FirstStart {
  readonly url: string
}

const NAME = 'demo.json'

/** Where a folder's keys are. */
export const demoKeysFile = (dir: string): string => join(dir, NAME)

/** Stores the keys in the folder, which need not exist: with a database and a secret of its own, the server has no other use for it. */
export async function keepDemoKeys(dir: string, keys: DemoKeys): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o711 })
  await writeFile(join(dir, NAME), `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 })
}

/** Reads the keys that a first start stored; null: there are none. @throws Error when the file can't be read */
export async function readDemoKeys(dir: string): Promise<DemoKeys | null> {
  try {
    return JSON.parse(await readFile(join(dir, NAME), 'utf8')) as DemoKeys
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw new Error(`${join(dir, NAME)} cannot be read`, { cause: error })
  }
}
