/** Liquid, held in: no files, no inherited properties, and limits of time, memory and output for every text. */
import { Liquid, LiquidError, type Template } from 'liquidjs'
import { CarillonError } from '../errors.ts'

/** How values are put into a text: `html` escapes each one unless it is marked `| raw`; `text` does not. */
export type Escaping = 'html' | 'text'

/** A text that has been parsed. */
export interface Compiled {
  readonly templates: readonly Template[]
  readonly escaping: Escaping
}

/** Limits of one text: length of the source, time and memory to render it, length of the result. */
export const renderLimits = { sourceLength: 524_288, renderMs: 250, memory: 64_000_000, outputLength: 1_048_576 } as const

/** Parses and renders texts. */
export interface LiquidEngine {
  /** @throws TEMPLATE_BROKEN with line and column */
  compile(field: string, source: string, escaping: Escaping): Compiled
  /** Renders; white space at the end is cut, what is missing is nothing. @throws TEMPLATE_BROKEN when a limit is passed */
  render(compiled: Compiled, scope: Record<string, unknown>): string
  /** Names of the variables that a text uses at its top level. */
  variables(compiled: Compiled): string[]
}

/** Makes an engine; compiled texts belong to the engine that made them. */
export function createLiquid(): LiquidEngine {
  const engineOf = (escaping: Escaping): Liquid => {
    const engine = new Liquid({
      ...(escaping === 'html' ? { outputEscape: 'escape' as const } : {}),
      ownPropertyOnly: true,
      strictFilters: true,
      parseLimit: renderLimits.sourceLength,
      renderLimit: renderLimits.renderMs,
      memoryLimit: renderLimits.memory,
      templates: {},
    })
    // These read other templates; there are none, and a template that asks for one is refused when it is stored.
    for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]
    return engine
  }
  const engines = { html: engineOf('html'), text: engineOf('text') } satisfies Record<Escaping, Liquid>

  return {
    compile(field, source, escaping) {
      try {
        return { templates: engines[escaping].parse(source), escaping }
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
    render({ templates, escaping }, scope) {
      let text: unknown
      try {
        text = engines[escaping].renderSync([...templates], scope)
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
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
