/** Liquid, restricted: no files, no inherited properties, and limits of work, memory and output for every text. */
import { randomInt } from 'node:crypto'
import { type Context, defaultOperators, type Emitter, Liquid, LiquidError, RenderError, type Template, toValue } from 'liquidjs'
import { LRUCache } from 'lru-cache'
import { CarillonError, isStackOverflow } from '../errors.ts'
import { formatTime } from '../values/date-format.ts'
import { createDateNames, type DateNames } from '../values/date-names.ts'
import { readMoment } from '../values/date-time.ts'
import { type Mailbox, type Piece, readMailboxes } from '../values/mailbox.ts'
import { markValue } from '../values/marked-text.ts'
import { canonicalTimeZone, createZonedClock, offsetText, type ZonedClock } from '../values/time-zone.ts'
import { programLimits } from './limits.ts'
import type { Meter } from './meter.ts'
import { type PlainText, plainTextOf, renderPlain, type Variables } from './plain-text.ts'
import { costOfTemplate, sizeOf, type TemplateCost } from './template-cost.ts'

/**
 * How values are put into a text, unless they are `| raw`: `html` escapes them, `chat` marks them for the service to escape, `text` does
 * neither; in a list of `mailboxes`, and in one `mailbox`, each is marked, raw or not, so that none is taken for a part of the structure.
 */
export type Escaping = 'html' | 'chat' | 'text' | 'mailbox' | 'mailboxes'

/** A text that has been parsed. */
export interface Compiled {
  readonly templates: readonly Template[]
  readonly escaping: Escaping
  readonly cost: TemplateCost
  /** the text prepared for rendering without Liquid; null: it needs Liquid */
  readonly plain: PlainText | null
  /** until this time, of `performance.now`, it is rendered in the sandbox: it may take long, or has taken long */
  slowUntil: number
}

/** How dates are shown, unless the template says otherwise. */
export interface DateStyle {
  readonly timeZone: string
  readonly locale: string
}

/** Parses and renders texts. */
export interface LiquidEngine {
  /** @throws TEMPLATE_BROKEN with line and column; ADDRESS_INVALID for an address field that is wrong whatever its values are */
  compile(field: string, source: string, escaping: Escaping): Compiled
  /**
   * Renders, without white space at the end; an unknown variable is empty. Dates are shown in a zone and a language. @returns null when `meter`
   * is spent
   * @throws TEMPLATE_BROKEN when another limit is exceeded
   */
  render(compiled: Compiled, variables: Variables, meter: Meter, dates: DateStyle): string | null
  /** Takes apart what was rendered of an address field: into what its author wrote, and values. */
  pieces(rendered: string): Piece[]
  /** Names of the variables that a text uses at its top level. */
  variables(compiled: Compiled): string[]
}

/** Items that are looked at for one unit. */
const TOUCHED_PER_UNIT = 32
/** Items that are put into a text for one unit. */
const ITEMS_PER_UNIT = 8
/** Tags that may go through a whole list, or compare two, whatever their node costs. */
const touching = new Set(['for', 'tablerow', 'case'])

/** The format of a day, its month as given, for Jekyll's filters. */
const dayFormat = (month: string, type: unknown, style: unknown): string => {
  if (type !== 'ordinal') return `%d ${month} %Y`
  return style === 'US' ? `${month} %-d%q, %Y` : `%-d%q ${month} %Y`
}
const TOO_DEEP = 'its tags, conditions or brackets are nested too deeply'
const reasonOf = (cause: unknown): string =>
  isStackOverflow(cause) ? TOO_DEEP : cause instanceof Error ? cause.message : String(cause)

const nothing: Meter = { spend: () => true, isSpent: () => false, spent: () => 0 }

/**
 * What an address field is made of, if that does not depend on tags; null: it does. Tags alone have names.
 */
function staticPieces(nodes: readonly Template[]): Piece[] | null {
  const pieces: Piece[] = []
  for (const node of nodes) {
    if ('name' in node) return null
    pieces.push('str' in node && typeof node.str === 'string' ? node.str : { value: null })
  }
  return pieces
}

/** The mailboxes of an address field; of one `mailbox`, at most one. @throws ADDRESS_INVALID naming the field */
export function addressesOf(field: string, escaping: 'mailbox' | 'mailboxes', pieces: readonly Piece[]): Mailbox[] {
  const list = readMailboxes(pieces)
  if (list !== null && (escaping === 'mailboxes' || list.length <= 1)) return list
  const wanted =
    escaping === 'mailbox'
      ? 'one address: a@b.example or Name <a@b.example>'
      : 'a list of addresses: a@b.example, Name <c@d.example>'
  throw new CarillonError('ADDRESS_INVALID', { field, message: `${field}: must be ${wanted}.` })
}

/** Creates an engine; compiled texts belong to the engine that compiled them. */
export function createLiquid(): LiquidEngine {
  /** The rendering that is running: rendering is synchronous. */
  let meter: Meter = nothing
  let cost: TemplateCost | null = null
  let scopeSize: number | null = null
  let scopeOf: Record<string, unknown> = {}
  let sizes = new WeakMap<object, number>()
  let isSpent = false
  let memory = 0
  let dates: DateStyle = { timeZone: 'UTC', locale: 'en' }
  const clocks = new LRUCache<string, ZonedClock>({ max: 500 })
  const languages = new LRUCache<string, DateNames>({ max: 100 })

  function clockOf(zone: string): ZonedClock {
    const known = clocks.get(zone)
    if (known !== undefined) return known
    const made = createZonedClock(zone)
    clocks.set(zone, made)
    return made
  }
  function namesOf(locale: string): DateNames {
    const known = languages.get(locale)
    if (known !== undefined) return known
    const made = createDateNames(locale)
    languages.set(locale, made)
    return made
  }
  /** A date in the rendering's zone, or in one that the template names: a name, an offset, or minutes behind UTC. What is no date stays. */
  function formatDate(value: unknown, format: string, zone: unknown, locale = dates.locale): unknown {
    const { timeZone } = dates
    const given: unknown = toValue(zone)
    let name = timeZone
    if (typeof given === 'number') name = Math.abs(given) <= 840 ? offsetText(-Math.round(given)) : ''
    else if (typeof given === 'string' && given !== '') name = given
    if (name !== timeZone && canonicalTimeZone(name) === null) {
      throw new Error('The second argument of a date is not a time zone such as "Europe/London"')
    }
    const clock = clockOf(name)
    const ms = readMoment(toValue(value), clock, Date.now())
    if (ms === null) return value
    const isOffset = /^[+-]/.test(clock.timeZone)
    return formatTime(
      { ms, offset: clock.offsetAt(ms), timeZone: isOffset ? null : clock.timeZone },
      format,
      namesOf(locale),
      allocate,
    )
  }
  const dateFilters = {
    date: (value: unknown, format: unknown, zone: unknown) =>
      formatDate(value, textOf(format ?? '%A, %B %-e, %Y at %-l:%M %P %z'), zone),
    date_to_xmlschema: (value: unknown) => formatDate(value, '%Y-%m-%dT%H:%M:%S%:z', null),
    date_to_rfc822: (value: unknown) => formatDate(value, '%a, %d %b %Y %H:%M:%S %z', null, 'en'),
    date_to_string: (value: unknown, type: unknown, style: unknown) => formatDate(value, dayFormat('%b', type, style), null),
    date_to_long_string: (value: unknown, type: unknown, style: unknown) => formatDate(value, dayFormat('%B', type, style), null),
  }

  function spend(units: number): void {
    if (meter.spend(units)) return
    isSpent = true
    throw new Error('It takes too long')
  }
  function allocate(count: number): void {
    memory += count
    if (memory > programLimits.memory) throw new Error(`it takes more than ${programLimits.memory} characters or items of memory`)
    spend(count / programLimits.producedPerUnit)
  }
  /** Counts a value that a filter or an operator goes through. */
  function touch(value: unknown): void {
    if (typeof value === 'string') spend(value.length / programLimits.producedPerUnit)
    else if (typeof value === 'object' && value !== null) {
      const size = sizes.get(value) ?? sizeOf(value)
      sizes.set(value, size)
      spend(size / TOUCHED_PER_UNIT)
    }
  }
  const textOf = (value: unknown): string => {
    const plain: unknown = toValue(value)
    if (typeof plain === 'string') return plain
    if (plain === null || plain === undefined) return ''
    if (!Array.isArray(plain)) return String(plain)
    spend(plain.length / ITEMS_PER_UNIT)
    return plain.map(textOf).join('')
  }
  const createEmitter = (): Emitter => ({
    buffer: '',
    write(value: unknown) {
      const text = textOf(value)
      allocate(text.length)
      this.buffer += text
    },
  })

  function* renderTemplates(nodes: readonly Template[], context: Context, given?: Emitter): IterableIterator<unknown> {
    const emitter = given ?? createEmitter()
    // Contexts share these limits with those that they spawn.
    context.memoryLimit.use = (count: number): void => {
      if (count > 0) allocate(count)
    }
    spend(0.5)
    for (const node of nodes) {
      spend(cost?.unitsOf(node) ?? 1)
      if ('name' in node && touching.has(String(node.name))) {
        scopeSize ??= sizeOf(scopeOf)
        spend(scopeSize / TOUCHED_PER_UNIT)
      }
      try {
        const text: unknown = yield node.render(context, emitter)
        if (text) emitter.write(text)
        if (context.breakCalled || context.continueCalled) break
      } catch (error) {
        if (isSpent || LiquidError.is(error)) throw error
        throw new RenderError(error instanceof Error ? error : new Error(String(error)), node)
      }
    }
    return emitter.buffer
  }

  // Noncharacters around a number that data can't know: whatever data holds, it is no mark.
  const number = randomInt(1e9, 1e12)
  const open = `\ufdd0${number}\ufdd1`
  const close = `\ufdd2${number}\ufdd1`
  const markAll = new RegExp(`(${open}|${close})`)
  const marked = (value: unknown): string =>
    `${open}${Array.isArray(value) ? value.map(textOf).join(', ') : textOf(value)}${close}`

  const operators = Object.fromEntries(
    Object.entries(defaultOperators).map(([name, operate]) => [
      name,
      (left: unknown, right: never, context: never) => {
        touch(left)
        touch(right)
        return operate(left, right, context)
      },
    ]),
  )

  const engineOf = (escaping: Escaping): Liquid => {
    const engine = new Liquid({
      ownPropertyOnly: true,
      strictFilters: true,
      parseLimit: programLimits.sourceLength,
      templates: {},
      operators: { ...operators, not: defaultOperators['not'] ?? (() => false) },
    })
    // These tags read other templates. There are none: a template that uses such a tag is refused when it is stored.
    for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag]
    for (const [name, filter] of Object.entries(dateFilters)) engine.registerFilter(name, filter)
    for (const [name, filter] of Object.entries(engine.filters)) {
      const handler = typeof filter === 'function' ? filter : filter.handler
      const metered = function (this: ThisParameterType<typeof handler>, value: unknown, ...args: unknown[]): unknown {
        touch(value)
        for (const arg of args) touch(arg)
        return handler.call(this, value, ...args)
      }
      engine.registerFilter(name, typeof filter === 'function' ? metered : { ...filter, handler: metered })
    }
    const escapeFilter = engine.filters['escape']
    if (escaping === 'html' && typeof escapeFilter === 'function') engine.options.outputEscape = escapeFilter
    if (escaping === 'chat') engine.options.outputEscape = (value: unknown) => markValue(textOf(value))
    if (escaping === 'mailboxes') {
      engine.options.outputEscape = marked
      // There is nothing to leave out: a mark protects a value, and does not change it.
      engine.registerFilter('raw', (value: unknown) => value)
    }
    engine.renderer.renderTemplates = renderTemplates
    return engine
  }
  const mailboxes = engineOf('mailboxes')
  const engines = {
    html: engineOf('html'),
    chat: engineOf('chat'),
    text: engineOf('text'),
    mailbox: mailboxes,
    mailboxes,
  } satisfies Record<Escaping, Liquid>

  /** null: `given` is spent */
  function renderWhole(compiled: Compiled, scope: Record<string, unknown>, given: Meter, style: DateStyle): string | null {
    meter = given
    dates = style
    cost = compiled.cost
    scopeOf = scope
    scopeSize = null
    isSpent = false
    memory = 0
    try {
      return String(engines[compiled.escaping].renderSync([...compiled.templates], scope))
    } catch (cause) {
      if (isSpent) return null
      const why = reasonOf(cause)
      throw new CarillonError('TEMPLATE_BROKEN', { message: `The template could not be rendered: ${why}`, cause })
    } finally {
      meter = nothing
      cost = null
      scopeOf = {}
      sizes = new WeakMap()
    }
  }

  return {
    compile(field, source, escaping) {
      try {
        const templates = engines[escaping].parse(source)
        if (escaping === 'mailbox' || escaping === 'mailboxes') {
          const fixed = staticPieces(templates)
          if (fixed !== null) addressesOf(field, escaping, fixed)
        }
        const fresh = costOfTemplate(templates)
        const plain = plainTextOf(templates, escaping, fresh)
        return { templates, escaping, cost: fresh, plain, slowUntil: fresh.isSlow ? Infinity : 0 }
      } catch (cause) {
        if (cause instanceof CarillonError) throw cause
        const [line, column] = cause instanceof LiquidError ? cause.token.getPosition() : [1, 1]
        const why = reasonOf(cause).replace(/, line:\d+, col:\d+$/, '')
        throw new CarillonError('TEMPLATE_BROKEN', {
          field,
          ...(line === undefined ? {} : { line }),
          ...(column === undefined ? {} : { column }),
          message: `${field}: ${why} (line ${line}, column ${column})`,
          cause,
        })
      }
    },
    render(compiled, variables, given, style) {
      const plain = compiled.plain === null ? null : renderPlain(compiled.plain, variables)
      const text =
        plain === null ? renderWhole(compiled, variables.all(), given, style) : given.spend(plain.units) ? plain.text : null
      if (text === null) return null
      // Filters can produce what input may not contain and the database refuses: NUL, and lone surrogates.
      const result = text.replaceAll('\0', '').toWellFormed().trimEnd()
      if (result.length > programLimits.outputLength) {
        throw new CarillonError('TEMPLATE_BROKEN', {
          message: `The rendered text has ${result.length} characters, at most ${programLimits.outputLength} are allowed.`,
          max: programLimits.outputLength,
          got: result.length,
        })
      }
      return result
    },
    pieces(rendered) {
      const top: Piece[] = []
      const lists = [top]
      for (const part of rendered.split(markAll)) {
        const list = lists.at(-1) ?? top
        if (part === open) lists.push([])
        else if (part !== close) list.push(part)
        else if (lists.length > 1) {
          lists.pop()
          const value = list.map((piece) => (typeof piece === 'string' ? piece : (piece.value ?? ''))).join('')
          lists.at(-1)?.push({ value, parts: list })
        }
      }
      // A filter may have cut a mark off: then nothing is known of the structure.
      return lists.length === 1 ? top : [{ value: rendered }]
    },
    variables({ templates, escaping }) {
      try {
        return engines[escaping].globalVariablesSync([...templates])
      } catch (cause) {
        throw new CarillonError('TEMPLATE_BROKEN', { message: `The template could not be read: ${reasonOf(cause)}`, cause })
      }
    },
  }
}
