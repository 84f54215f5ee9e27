/**
 * Patterns of callers, run by RE2, an engine that takes time in proportion to the text whatever the pattern. A pattern of JavaScript is
 * translated; one with a look-around or a back-reference can't be.
 */
import { RE2JS } from 're2js'
import { programLimits } from './limits.ts'

/** A pattern that was read. */
export interface Pattern {
  /** in the syntax of RE2; null: RE2 does not have it, and it may take exponential time */
  readonly re2: string | null
  /** how many instructions it has, roughly */
  readonly size: number
  /** what it uses that no linear engine can have; null: nothing */
  readonly backtracks: 'a look-around' | 'a back-reference' | null
}

/** What `\s` and `\S` match in JavaScript, as parts of a class. */
const SPACE = '\\t-\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}'
const NOT_SPACE =
  '\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}' +
  '\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}'
const ANY = '[\\x{0}-\\x{10ffff}]'
const DOT = '[^\\n\\r\\x{2028}\\x{2029}]'
/** Categories that RE2 knows by their short names only. */
const categories: Readonly<Record<string, string>> = {
  Letter: 'L',
  Uppercase_Letter: 'Lu',
  Lowercase_Letter: 'Ll',
  Mark: 'M',
  Number: 'N',
  Decimal_Number: 'Nd',
  Punctuation: 'P',
  Symbol: 'S',
  Separator: 'Z',
  Space_Separator: 'Zs',
  Other: 'C',
}
const CATEGORY_SIZE = 10

class Unsupported extends Error {}
class Backtracking extends Error {
  readonly what: 'a look-around' | 'a back-reference'
  constructor(what: 'a look-around' | 'a back-reference') {
    super()
    this.what = what
  }
}

const hex = (code: number): string => `\\x{${code.toString(16)}}`

/** Translates a pattern that JavaScript accepts with the flag `u`. Its groups capture nothing. */
function translate(source: string): { readonly re2: string; readonly size: number } {
  const chars = [...source]
  let at = 0
  let out = ''
  /** sizes of the open groups; and of the last atom, which a repeat multiplies */
  const open: number[] = [0]
  let last = 0
  const atom = (text: string, size = 1): void => {
    out += text
    last = size
    open.push((open.pop() ?? 0) + size)
  }
  const take = (expression: RegExp): RegExpExecArray | null => {
    const found = expression.exec(chars.slice(at, at + 40).join(''))
    if (found !== null) at += [...found[0]].length
    return found
  }
  /** What follows a backslash. */
  function escaped(isInClass: boolean): [text: string, size: number] {
    const property = take(/^([pP])\{([A-Za-z_]+=)?([A-Za-z_]+)\}/)
    if (property !== null) {
      const [, letter, , name = ''] = property
      return [`\\${letter}{${categories[name] ?? name}}`, CATEGORY_SIZE]
    }
    const surrogates = take(/^u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/)
    if (surrogates !== null) {
      const [, high = '', low = ''] = surrogates
      return [hex((Number.parseInt(high, 16) - 0xd800) * 0x400 + Number.parseInt(low, 16) - 0xdc00 + 0x10000), 1]
    }
    const code = take(/^(?:u\{([0-9a-fA-F]+)\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))/)
    if (code !== null) return [hex(Number.parseInt(code[1] ?? code[2] ?? code[3] ?? '', 16)), 1]
    const control = take(/^c([A-Za-z])/)
    if (control !== null) return [hex((control[1] ?? '').charCodeAt(0) % 32), 1]
    const char = chars[at++] ?? ''
    if (char === '0') return [hex(0), 1]
    if (char === 'k' || /[1-9]/.test(char)) throw new Backtracking('a back-reference')
    if (char === 's') return [isInClass ? SPACE : `[${SPACE}]`, 1]
    if (char === 'S') return [isInClass ? NOT_SPACE : `[${NOT_SPACE}]`, 1]
    if (char === 'b' && isInClass) return [hex(8), 1]
    return [/\w/.test(char) ? `\\${char}` : hex(char.codePointAt(0) ?? 0), 1]
  }
  function charClass(): void {
    const isNegated = chars[at] === '^'
    if (isNegated) at++
    if (chars[at] === ']') {
      at++
      if (!isNegated) throw new Unsupported()
      atom(ANY)
      return
    }
    let text = ''
    let size = 1
    while (at < chars.length && chars[at] !== ']') {
      const char = chars[at++] ?? ''
      if (char === '\\') {
        const [part, added] = escaped(true)
        text += part
        size += added - 1
      } else text += char === '[' || char === '^' ? hex(char.charCodeAt(0)) : char
    }
    at++
    atom(`[${isNegated ? '^' : ''}${text}]`, size)
  }
  while (at < chars.length) {
    const char = chars[at++] ?? ''
    if (char === '\\') atom(...escaped(false))
    else if (char === '[') charClass()
    else if (char === '.') atom(DOT)
    else if (char === '(') {
      if (take(/^\?(?:<?[=!])/) !== null) throw new Backtracking('a look-around')
      if (chars[at] === '?' && take(/^\?:/) === null && take(/^\?<[^>]*>/) === null) throw new Unsupported()
      out += '(?:'
      open.push(0)
    } else if (char === ')') {
      out += ')'
      last = open.pop() ?? 0
      open.push((open.pop() ?? 0) + last)
    } else if (char === '{') {
      const repeat = take(/^(\d+)(?:(,)(\d*))?\}/)
      if (repeat === null) throw new Unsupported()
      const [, least = '0', , most = ''] = repeat
      const times = Math.max(Number(least) + 1, Number(most))
      open.push((open.pop() ?? 0) + last * (times - 1))
      last *= times
      out += `{${repeat[0]}`
    } else if (char === '|' || char === '^' || char === '$' || char === '*' || char === '+' || char === '?') out += char
    else atom(char)
  }
  return { re2: out, size: open[0] ?? 0 }
}

/** Reads a pattern. @throws SyntaxError for one that is none */
export function readPattern(source: string): Pattern {
  // A JavaScript engine compiles a pattern when it is used first: this only reads it.
  new RegExp(source, 'u')
  try {
    const { re2, size } = translate(source)
    return { re2, size, backtracks: null }
  } catch (error) {
    return { re2: null, size: source.length, backtracks: error instanceof Backtracking ? error.what : null }
  }
}

/** Compiles a pattern for matching anywhere in a text, in linear time. @returns null: the engine does not have it */
export function compilePattern({ re2, size }: Pattern): ((text: string) => boolean) | null {
  // The engine unfolds repeats, and takes time and memory for each instruction.
  if (re2 === null || size > programLimits.patternSizeMax) return null
  try {
    const engine = RE2JS.compile(re2)
    return (text) => engine.test(text)
  } catch {
    return null
  }
}

/** The engine of Ajv: RE2; and JavaScript's own for a pattern that RE2 does not have, which therefore runs in the sandbox only. */
export const linearEngine = Object.assign(
  (source: string, flags: string): { test(text: string): boolean } => {
    const test = compilePattern(readPattern(source))
    return test === null ? new RegExp(source, flags) : { test }
  },
  // Ajv writes this into modules that it generates; none are.
  { code: 'RegExp' },
)
