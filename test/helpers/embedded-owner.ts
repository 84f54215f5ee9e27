/** A process that owns an embedded PostgreSQL until it is killed. Argument: the folder. Says `{ url }` or `{ error }` in one line. */
import { startEmbedded } from '../../src/db/embedded.ts'
import { silentLog } from '../../src/log.ts'

try {
  const { url } = await startEmbedded(String(process.argv[2]), { log: silentLog, settings: { shared_buffers: '16MB' } })
  process.stdout.write(`${JSON.stringify({ url })}\n`)
  setInterval(() => {}, 60_000)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`)
}
