/** A client of a dialect: raw requests, whose answers are held against the dialect's OpenAPI document. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { expect } from 'vitest'

/** An answer as it came. */
export interface DialectAnswer {
  readonly status: number
  readonly headers: Headers
  /** parsed, if it is JSON */
  readonly body: unknown
}

/** Status and body of an answer. */
export const shown = ({ status, body }: DialectAnswer) => ({ status, body })

/** A request. */
export interface DialectCall {
  readonly method?: string
  /** below the dialect's base, with its query string */
  readonly path: string
  /** the whole header; null: none */
  readonly authorization?: string | null
  readonly headers?: Record<string, string>
  /** sent as JSON, unless it is a text or bytes */
  readonly body?: unknown
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, object>> }>>
}
interface Document {
  readonly openapi: string
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** A client that fails where an answer is not as the document says. `base`: such as `/notifuse`. */
export async function createDialectClient(url: string, base: string, authorization: string) {
  const document = (await (await fetch(`${url}${base}/openapi.json`)).json()) as Document
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'document')
  const pointer = (part: string): string =>
    part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')

  /** The template of a path; undefined: the document has none. */
  const templateOf = (path: string): string | undefined =>
    Object.keys(document.paths).find((template) =>
      new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    )

  /** Holds an answer against the document. That of a path or method that is not in it, against the schema of errors; a path may have its own. */
  function validate(method: string, path: string, { status, body }: DialectAnswer): void {
    const template = templateOf(path)
    const methods = template === undefined ? {} : (document.paths[template] ?? {})
    const name = methods[method.toLowerCase()] === undefined ? (Object.keys(methods)[0] ?? '') : method.toLowerCase()
    const isKnown = name === method.toLowerCase()
    const operation = methods[name]
    const key = String(status)
    if (operation !== undefined) {
      expect(Object.keys(operation.responses), `${method} ${path}: a status that is not in the document`).toContain(key)
      if (!isKnown) expect(status, `${method} ${path}: a method that is not in the document`).toBe(405)
    }
    if (isKnown && operation?.responses[key] !== undefined && operation.responses[key].content === undefined) {
      expect(body, `${method} ${path} answered ${status}`).toBeUndefined()
      return
    }
    const place =
      template === undefined || operation === undefined
        ? 'document#/components/schemas/Error'
        : `document#/paths/${pointer(template)}/${name}/responses/${key}/content/application~1json/schema`
    const check = ajv.getSchema(place)
    if (check === undefined) throw new Error(`There is no schema at ${place}`)
    expect(check(body) ? null : check.errors, `${method} ${path} answered ${status}: ${JSON.stringify(body)}`).toBeNull()
  }

  /** Whether a body is as the document says that requests are. */
  function accepts(path: string, body: unknown, method = 'post'): boolean {
    const check = ajv.getSchema(`document#/paths/${pointer(path)}/${method}/requestBody/content/application~1json/schema`)
    if (check === undefined) throw new Error(`There is no schema of the body of ${path}`)
    return check(body) === true
  }

  async function call({
    method = 'POST',
    path,
    authorization: own = authorization,
    headers = {},
    body,
  }: DialectCall): Promise<DialectAnswer> {
    const response = await fetch(`${url}${base}${path}`, {
      method,
      headers: { ...(own === null ? {} : { authorization: own }), ...headers },
      body: body === undefined ? null : typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body),
    })
    const text = await response.text()
    const answer = {
      status: response.status,
      headers: response.headers,
      body: text === '' ? undefined : (JSON.parse(text) as unknown),
    }
    if (method !== 'HEAD') validate(method, path.replace(/\?.*$/, ''), answer)
    return answer
  }
  return { call, accepts, validate, document, as: (other: string) => createDialectClient(url, base, other) }
}

/** Such a client. */
export type DialectClient = Awaited<ReturnType<typeof createDialectClient>>
