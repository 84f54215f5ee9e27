/**
 * Which variables a text uses and has no value for. A text is analysed once, and then compared with the variables of each message: a few
 * look-ups. What it tests, replaces by `default`, or shows only on a condition that is not a plain variable does not count.
 */

/** A variable as a text names it: its name, and the properties that follow. */
export type Path = readonly (string | number | Path)[]
type Step =
  | { readonly kind: 'use'; readonly path: Path; readonly unless: Path | null }
  | { readonly kind: 'name'; readonly name: string; readonly path: Path | null }
  | { readonly kind: 'choice'; readonly branches: readonly Branch[]; readonly otherwise: readonly Step[] }
  | {
      readonly kind: 'loop'
      readonly name: string
      readonly path: Path | null
      readonly body: readonly Step[]
      readonly otherwise: readonly Step[]
    }
interface Branch {
  /** null: not a plain variable */
  readonly test: Path | null
  readonly isNegated: boolean
  readonly body: readonly Step[]
}

/** What a text uses, in the order in which it does. */
export type Uses = readonly Step[]

type Fields = Readonly<Record<string, unknown>>
export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The path of a variable as it was parsed; null: it is a literal, a range, or begins with one. */
export function pathOf(token: unknown): Path | null {
  if (!isObject(token) || !Array.isArray(token['props']) || token['variable'] !== undefined) return null
  const path = token['props'].map((prop: unknown) => {
    if (isObject(prop) && (typeof prop['content'] === 'string' || typeof prop['content'] === 'number')) return prop['content']
    return pathOf(prop) ?? []
  })
  return path.length === 0 ? null : path
}

/** The operands and operators of an expression. */
export const operandsOf = (value: unknown): readonly unknown[] =>
  isObject(value) && isObject(value['initial']) ? listOf(value['initial']['postfix']) : []
/** The filters of an expression. */
export const filtersOf = (value: unknown): readonly Fields[] => (isObject(value) ? listOf(value['filters']).filter(isObject) : [])

/** The only variable of an expression without filters; null: it is something else. */
function plainPathOf(value: unknown): Path | null {
  const [only, ...more] = operandsOf(value)
  return more.length > 0 || filtersOf(value).length > 0 ? null : pathOf(only)
}

const use = (token: unknown, unless: Path | null = null): Step[] => {
  const path = pathOf(token)
  return path === null ? [] : [{ kind: 'use', path, unless }]
}

/** What an output or an assignment uses. */
function usesOfValue(value: unknown): Step[] {
  const operands = operandsOf(value)
  const filters = filtersOf(value)
  const fallback = filters.find((filter) => filter['name'] === 'default')
  const own = fallback === undefined ? operands.flatMap((one) => use(one)) : []
  const first = pathOf(operands[0])
  return [
    ...own,
    ...filters.flatMap((filter) =>
      listOf(filter['args']).flatMap((arg) => use(Array.isArray(arg) ? arg[1] : arg, filter === fallback ? (first ?? []) : null)),
    ),
  ]
}

/** @param parsed nodes of a template's tree, walked without trusting their shape */
export function usesOf(parsed: readonly unknown[]): Uses {
  return parsed.filter(isObject).flatMap((node): Step[] => {
    const body = (): Uses => usesOf(listOf(node['templates']))
    const otherwise = (): Uses => usesOf(listOf(node['elseTemplates']))
    const { name } = node
    if (name === undefined || name === 'echo') return usesOfValue(node['value'])
    switch (name) {
      case 'if':
      case 'unless':
      case 'case':
        return [
          {
            kind: 'choice',
            branches: listOf(node['branches'])
              .filter(isObject)
              .map((branch, index) => ({
                test: name === 'case' ? null : plainPathOf(branch['value']),
                isNegated: name === 'unless' && index === 0,
                body: usesOf(listOf(branch['templates'])),
              })),
            otherwise: otherwise(),
          },
        ]
      case 'for':
      case 'tablerow':
        return [
          {
            kind: 'loop',
            name: String(node['variable']),
            path: pathOf(node['collection']),
            body: body(),
            otherwise: otherwise(),
          },
        ]
      case 'assign': {
        const path = plainPathOf(node['value'])
        const uses = path === null ? usesOfValue(node['value']) : []
        return [...uses, { kind: 'name', name: String(node['key']), path }]
      }
      case 'capture':
      case 'increment':
      case 'decrement':
        return [...body(), { kind: 'name', name: String(node['variable']), path: null }]
      case 'liquid':
        return [...body()]
      case 'cycle':
        return listOf(node['candidates']).flatMap(usesOfValue)
      default:
        return []
    }
  })
}

/** Look-ups and items of loops that one message is worth. */
const WORK_MAX = 2_000
const SHOWN_MAX = 20

interface Found {
  /** false: a text of the template's own, which is not looked into */
  readonly isKnown: boolean
  readonly value: unknown
  readonly label: string
}
const ofItsOwn: Found = { isKnown: false, value: undefined, label: '' }

/** The value of a property, as Liquid finds it. */
export function propertyOf(value: unknown, key: string | number): unknown {
  if (value === null || value === undefined) return undefined
  if (key === 'size' && (typeof value === 'string' || Array.isArray(value))) return value.length
  if (Array.isArray(value)) return key === 'first' ? value[0] : key === 'last' ? value.at(-1) : value.at(Number(key))
  if (!isObject(value)) return undefined
  if (Object.hasOwn(value, key)) return value[key]
  return key === 'size' ? Object.keys(value).length : undefined
}

/** Adds the variables that a text uses and that have no value to `missing`, at most 20 of them. */
export function addMissing(uses: Uses, variables: Fields, missing: Set<string>): void {
  let work = 0
  const names = new Map<string, Found>([
    ['forloop', ofItsOwn],
    ['tablerowloop', ofItsOwn],
  ])
  const find = (path: Path): Found => {
    const [root, ...rest] = path
    work++
    if (typeof root !== 'string') return ofItsOwn
    let found = names.get(root) ?? { isKnown: true, value: propertyOf(variables, root), label: root }
    for (const part of rest) {
      const inner = typeof part === 'object' ? find(part) : null
      const key = inner === null ? part : inner.value
      if (!found.isKnown || (typeof key !== 'string' && typeof key !== 'number')) return ofItsOwn
      // As it is written: a name that data gives may be somebody's.
      const isWord = inner === null && /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(String(key))
      const label = isWord ? `${found.label}.${key}` : `${found.label}[${inner === null ? key : inner.label}]`
      found = { isKnown: true, value: propertyOf(found.value, key), label }
    }
    return found
  }
  const isNothing = ({ isKnown, value }: Found): boolean => isKnown && (value === undefined || value === null)
  /** What is skipped may still give names. */
  const skip = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.kind === 'name') names.set(step.name, ofItsOwn)
      else if (step.kind === 'loop') skip([...step.body, ...step.otherwise])
      else if (step.kind === 'choice') skip([...step.branches.flatMap((one) => one.body), ...step.otherwise])
    }
  }
  const choose = ({ branches, otherwise }: Extract<Step, { kind: 'choice' }>): void => {
    for (const [index, { test, isNegated, body }] of branches.entries()) {
      const found = test === null ? ofItsOwn : find(test)
      // Whether this one or a later one is shown is not known here.
      if (!found.isKnown) {
        skip([...branches.slice(index).flatMap((one) => one.body), ...otherwise])
        return
      }
      if ((!isNothing(found) && found.value !== false) !== isNegated) {
        walk(body)
        return
      }
    }
    walk(otherwise)
  }
  const loop = ({ name, path, body, otherwise }: Extract<Step, { kind: 'loop' }>): void => {
    const list = path === null ? ofItsOwn : find(path)
    if (isNothing(list) && otherwise.length === 0) missing.add(list.label)
    const before = names.get(name)
    if (Array.isArray(list.value)) {
      for (const [index, value] of list.value.entries()) {
        if (++work > WORK_MAX || missing.size >= SHOWN_MAX) break
        names.set(name, { isKnown: true, value, label: `${list.label}[${index}]` })
        walk(body)
      }
    } else skip(body)
    if (isNothing(list) || (Array.isArray(list.value) && list.value.length === 0)) walk(otherwise)
    if (before === undefined) names.delete(name)
    else names.set(name, before)
  }
  function walk(steps: readonly Step[]): void {
    for (const step of steps) {
      if (work > WORK_MAX || missing.size >= SHOWN_MAX) return
      if (step.kind === 'choice') choose(step)
      else if (step.kind === 'loop') loop(step)
      else if (step.kind === 'name') names.set(step.name, step.path === null ? ofItsOwn : find(step.path))
      else {
        // An argument of `default` counts where it is used.
        const isUsed = step.unless === null || (step.unless.length > 0 && isNothing(find(step.unless)))
        const found = isUsed ? find(step.path) : ofItsOwn
        if (isNothing(found)) missing.add(found.label)
      }
    }
  }
  walk(uses)
}
