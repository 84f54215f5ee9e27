/** Liquid, held in: no files, no inherited properties, and limits of time, memory and output for every text. */
import { Liquid, LiquidError, type Template } from 'liquidjs'
import { CarillonError } from '../errors.ts'
import { callsHeavyFilter } from './heavy.ts'

/** How values are put into a text: `html` escapes each one unless it is marked `| raw`; `text` does not. */
export type Escaping = 'html' | 'text'

/** A text that has been parsed. */
export interface Compiled {
  readonly templates: readonly Template[]
  readonly escaping: Escaping
  /** it can take long, or did once */
  isHeavy: boolean
}

/** Limits of one text: length of the source, time and memory to render it (in items or characters, of 8 bytes at most), length of the result. */
export const renderLimits = { sourceLength: 524_288, renderMs: 250, memory: 8_000_000, outputLength: 1_048_576 } as const

/** Parses and renders texts. */
export interface LiquidEngine {
  /** @throws TEMPLATE_BROKEN with line and column */
  compile(field: string, source: string, escaping: Escaping): Compiled
  /**
   * Renders; white space at the end is cut, what is missing is nothing. @returns null for a heavy text, which is not rendered here
   * @throws TEMPLATE_BROKEN when a limit is passed
   */
  render(compiled: Compiled, scope: Record<string, unknown>): string | null
  /** Names of the variables that a text uses at its top level. */
  variables(compiled: Compiled): string[]
}

/** How long a text may take where others wait for it, ms: longer ones are rendered aside. */
const HERE_MS = 40

/** Makes an engine; compiled texts belong to the engine that made them. `isAside`: nobody waits, so a text may take its whole time. */
export function createLiquid({ isAside = false }: { readonly isAside?: boolean } = {}): LiquidEngine {
  const engineOf = (escaping: Escaping): Liquid => {
    const engine = new Liquid({
      ...(escaping === 'html' ? { outputEscape: 'escape' as const } : {}),
      ownPropertyOnly: true,
      strictFilters: true,
      parseLimit: renderLimits.sourceLength,
      renderLimit: isAside ? renderLimits.renderMs : HERE_MS,
      memoryLimit: renderLimits.memory,
      templates: {},
    })
    // These read other templates; there are none, and a template that asks for one is refused when it is stored.
    for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]
    return engine
  }
  const engines = { html: engineOf('html'), text: engineOf('text') } satisfies Record<Escaping, Liquid>

  /** The limit is of the clock on the wall, and a busy machine may have had other things to do: so here, a second time tells. */
  function renderTwice({ templates, escaping }: Compiled, scope: Record<string, unknown>): unknown {
    try {
      return engines[escaping].renderSync([...templates], scope)
    } catch (error) {
      if (isAside || !isTimeOut(error)) throw error
      return engines[escaping].renderSync([...templates], scope)
    }
  }

  return {
    compile(field, source, escaping) {
      try {
        const templates = engines[escaping].parse(source)
        return { templates, escaping, isHeavy: !isAside && callsHeavyFilter(templates) }
      } catch (cause) {
        const [line, column] = cause instanceof LiquidError ? cause.token.getPosition() : [1, 1]
        const why = cause instanceof Error ? cause.message.replace(/, line:\d+, col:\d+$/, '') : String(cause)
        throw new CarillonError('TEMPLATE_BROKEN', {
          field,
          ...(line === undefined ? {} : { line }),
          ...(column === undefined ? {} : { column }),
          message: `${field}: ${why} (line ${line}, column ${column})`,
          cause,
        })
      }
    },
    render(compiled, scope) {
      if (compiled.isHeavy) return null
      let text: unknown
      try {
        text = renderTwice(compiled, scope)
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        if (!isAside && isTimeOut(cause)) {
          compiled.isHeavy = true
          return null
        }
        throw new CarillonError('TEMPLATE_BROKEN', { message: `The template could not be rendered: ${why}`, cause })
      }
      // A filter can make what no input may hold, and no database keeps: NUL, and halves of characters.
      const result = String(text).replaceAll('\0', '').toWellFormed().trimEnd()
      if (result.length > renderLimits.outputLength) {
        throw new CarillonError('TEMPLATE_BROKEN', {
          message: `The rendered text has ${result.length} characters, at most ${renderLimits.outputLength} are allowed.`,
        })
      }
      return result
    },
    variables({ templates, escaping }) {
      return engines[escaping].globalVariablesSync([...templates])
    },
  }
}

const isTimeOut = (error: unknown): boolean => error instanceof Error && /render limit exceeded/.test(error.message)
