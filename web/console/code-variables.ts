/** The variables that a template may use: those that every message has, and those of its data, by the schema and by examples. */

/** What is known of the data. */
export interface VariableSource {
  /** the JSON Schema; null: there is none, or it can't be read yet */
  readonly schema: unknown
  /** data of messages, each with where it is from */
  readonly examples: readonly { readonly from: string; readonly data: unknown }[]
}

/** A variable. */
export interface Variable {
  /** a type, or an example */
  detail: string
  /** what the schema says about it */
  description: string
  readonly properties: Map<string, Variable>
  /** an item, if it is a list */
  item: Variable | null
}

type Fields = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const DEPTH_MAX = 8
const EXAMPLE_MAX = 32

const variable = (detail = '', description = ''): Variable => ({ detail, description, properties: new Map(), item: null })

function child(parent: Variable, name: string): Variable {
  const found = parent.properties.get(name) ?? variable()
  parent.properties.set(name, found)
  return found
}

/** Adds what a schema says. References within it are followed. */
function addSchema(to: Variable, schema: unknown, root: unknown, depth = 0): void {
  if (!isObject(schema) || depth > DEPTH_MAX) return
  const { type, description, $ref, properties, items } = schema
  if (to.detail === '' && typeof type === 'string') to.detail = type
  if (to.description === '' && typeof description === 'string') to.description = description
  if (typeof $ref === 'string' && $ref.startsWith('#/')) {
    const target = $ref
      .slice(2)
      .split('/')
      .reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), root)
    addSchema(to, target, root, depth + 1)
  }
  for (const list of [schema['allOf'], schema['anyOf'], schema['oneOf']])
    if (Array.isArray(list)) for (const part of list) addSchema(to, part, root, depth + 1)
  if (isObject(properties))
    for (const [name, part] of Object.entries(properties)) addSchema(child(to, name), part, root, depth + 1)
  if (isObject(items)) {
    to.item ??= variable()
    addSchema(to.item, items, root, depth + 1)
  }
}

function addExample(to: Variable, value: unknown, from: string, depth = 0): void {
  if (depth > DEPTH_MAX) return
  if (Array.isArray(value)) {
    to.item ??= variable()
    for (const one of value.slice(0, 10)) addExample(to.item, one, from, depth + 1)
    if (to.detail === '') to.detail = 'array'
  } else if (isObject(value)) {
    for (const [name, part] of Object.entries(value)) addExample(child(to, name), part, from, depth + 1)
    if (to.detail === '' && depth > 0) to.detail = 'object'
  } else if (to.detail === '' || /^(string|number|integer|boolean)$/.test(to.detail)) {
    const text = JSON.stringify(value) ?? ''
    to.detail = text.length > EXAMPLE_MAX ? `${text.slice(0, EXAMPLE_MAX)}…` : text
    if (to.description === '') to.description = from
  }
}

const contactFields = ['email', 'phone', 'locale', 'timezone', 'firstName', 'lastName', 'photoUrl', 'country', 'externalId']

/** All variables, as the properties of one. */
export function variablesOf({ schema, examples }: VariableSource): Variable {
  const data = variable()
  addSchema(data, schema, schema)
  for (const { from, data: example } of examples) addExample(data, example, from)

  const contact = variable('object', 'The recipient, and its own properties')
  for (const name of contactFields) contact.properties.set(name, variable('string', 'Of the recipient'))
  const actor = variable('object', 'Who did it')
  for (const name of ['externalId', 'firstName', 'lastName', 'photoUrl'])
    actor.properties.set(name, variable('string', 'Of who did it'))
  const project = variable('object', 'This project')
  for (const name of ['key', 'name']) project.properties.set(name, variable('string', 'Of this project'))
  const digest = variable('object', 'What a digest folds')
  digest.properties.set('count', variable('number', 'How many'))
  digest.properties.set('items', { ...variable('array', 'The data of each'), item: data })

  const all = variable()
  const whole = { ...data, detail: 'object', description: 'All data of the message' }
  for (const [name, one] of [...contact.properties, ['actor', actor], ['project', project], ['digest', digest]] as const)
    all.properties.set(name, one)
  for (const [name, one] of data.properties) all.properties.set(name, one)
  all.properties.set('contact', contact)
  all.properties.set('data', whole)
  all.properties.set('unsubscribeUrl', variable('string', 'A link to unsubscribe'))
  return all
}

/** The names that a text gives to values, up to where somebody types: loops and assignments, to what they stand for. */
function namesIn(before: string): Map<string, { readonly path: readonly string[]; readonly isItem: boolean }> {
  const names = new Map<string, { path: string[]; isItem: boolean }>()
  for (const [, loop, list, name, value, captured] of before.matchAll(
    /\{%-?\s*(?:(?:for|tablerow)\s+(\w+)\s+in\s+([\w.-]+)|assign\s+(\w+)\s*=\s*([\w.-]*)|capture\s+(\w+))/g,
  )) {
    if (loop !== undefined) names.set(loop, { path: list?.split('.') ?? [], isItem: true })
    else if (name !== undefined) names.set(name, { path: value?.split('.') ?? [], isItem: false })
    else if (captured !== undefined) names.set(captured, { path: [], isItem: false })
  }
  return names
}

/**
 * The properties that can follow a path; of an empty one, all variables.
 * @param before the text up to where somebody types
 */
export function propertiesAt(all: Variable, path: readonly string[], before: string): [name: string, variable: Variable][] {
  const names = namesIn(before)
  const find = (wanted: readonly string[], depth = 0): Variable | null => {
    const [first = '', ...rest] = wanted
    const alias = depth > DEPTH_MAX ? undefined : names.get(first)
    let at: Variable | null = all.properties.get(first) ?? null
    if (alias !== undefined) {
      const target = find(alias.path, depth + 1)
      at = alias.isItem ? (target?.item ?? null) : target
    }
    for (const name of rest) {
      const isItem = name === '[]' || name === 'first' || name === 'last'
      at = at?.properties.get(name) ?? (isItem ? (at?.item ?? null) : null)
    }
    return at
  }
  if (path.length === 0) {
    const own = [...names.keys()].map((name): [string, Variable] => [name, find([name]) ?? variable('', 'Named above')])
    return [...new Map([...all.properties, ...own])]
  }
  const found = find(path)
  if (found === null) return []
  const ofList = ['first', 'last'].map((name): [string, Variable] => [name, found.item ?? variable()])
  return [
    ...found.properties,
    ...(found.item === null ? [] : [...ofList, ['size', variable('number', 'How many')] as [string, Variable]]),
  ]
}
