/** The process that renders heavy texts: one call at a time, and it is ended when one takes too long. */
import { Script } from 'node:vm'
import { CarillonError } from '../errors.ts'
import type { AsideAnswer } from './aside.ts'
import { createRenderer } from './content.ts'
import type { RenderCall } from './heavy.ts'

const renderer = createRenderer({ isAside: true })

function render({ method, args }: RenderCall): AsideAnswer {
  try {
    const say = renderer[method] as (...given: typeof args) => unknown
    return { ok: true, said: say(...args) }
  } catch (error) {
    const isKnown = error instanceof CarillonError
    return {
      ok: false,
      code: isKnown ? error.code : 'TEMPLATE_BROKEN',
      message: error instanceof Error ? error.message : String(error),
    }
  }
}

// Ctrl-C goes to every process of a terminal, and a stop of the service to all of its processes: the server ends this one when it is done.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
/** Far beyond what whoever asks waits for: by then it has ended this process, unless it was ended itself in the middle of a call. */
const ALONE_MS = 5_000
const given: { call: (() => AsideAnswer) | null } = { call: null }
Object.defineProperty(globalThis, 'renderNow', { value: () => given.call?.() })
// A call that hangs hears of nothing, not even of its parent's end; a script's time limit reaches it all the same.
const script = new Script('renderNow()')

process.on('message', (call: RenderCall) => {
  given.call = () => render(call)
  try {
    process.send?.(script.runInThisContext({ timeout: ALONE_MS }))
  } catch {
    process.exit(1)
  }
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
