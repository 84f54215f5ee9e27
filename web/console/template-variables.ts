/** What is known of the data of a template's messages, for completing variables. */
import { graphql } from '../graphql.ts'
import type { VariableSource } from './code-variables.ts'
import { readJson } from './json.ts'
import type { Deps } from './page.ts'
import type { Sample } from './template-data.ts'

const LastData = graphql(`
  query LastData($filter: NotificationFilter!) { notifications(filter: $filter, first: 1) { nodes { data } } }
`)

/**
 * The data of the last notification of a template, loaded once, when it is asked for the first time. It is null where there is none yet, and for
 * people for whom data is masked.
 */
export function createLastData({ api, isMasked }: Pick<Deps, 'api' | 'isMasked'>, key: string | null) {
  let loading: Promise<Record<string, unknown> | null> | null = null
  return (): Promise<Record<string, unknown> | null> => {
    if (key === null || isMasked) return Promise.resolve(null)
    loading ??= api.ask(LastData, { filter: { templates: [key] } }).then(
      ({ notifications }) => notifications.nodes[0]?.data ?? null,
      () => {
        // Asked again with the next variable.
        loading = null
        return null
      },
    )
    return loading
  }
}

/** Reads the schema as it is typed, and examples: what the preview uses, the samples, and what was sent last. */
export async function variableSource(
  schema: string,
  preview: { data(): unknown; readonly sampled: { samples(): readonly Sample[] } } | null,
  last: () => Promise<unknown>,
): Promise<VariableSource> {
  const read = readJson(schema)
  const examples = [
    { from: 'In the preview', data: preview?.data() ?? null },
    ...(preview?.sampled.samples() ?? []).map(({ name, data }) => ({ from: `In the sample "${name}"`, data })),
    { from: 'As it was sent last', data: await last() },
  ]
  return { schema: read.ok ? read.value : null, examples: examples.filter(({ data }) => data !== null) }
}
