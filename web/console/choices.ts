/** What can be chosen in forms: all templates, topics and segments of the project. */
import { graphql } from '../graphql.ts'
import type { Api } from './api.ts'

const TemplateChoices = graphql(`
  query TemplateChoices($after: String) {
    templates(first: 100, after: $after) { nodes { key name } pageInfo { hasNextPage endCursor } }
  }
`)

const TopicChoices = graphql(`
  query TopicChoices($after: String) {
    topics(first: 100, after: $after) { nodes { key name contactCount } pageInfo { hasNextPage endCursor } }
  }
`)

const SegmentChoices = graphql(`
  query SegmentChoices($after: String) {
    segments(first: 100, after: $after) { nodes { key name } pageInfo { hasNextPage endCursor } }
  }
`)

interface Page<T> {
  readonly nodes: readonly T[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

/** Of a list that is longer, only so many can be chosen. */
const CHOICES_MAX = 2_000

/** Every page of a list. */
async function everyOne<T>(read: (after: string | null) => Promise<Page<T>>): Promise<readonly T[]> {
  const all: T[] = []
  let after: string | null = null
  do {
    const { nodes, pageInfo }: Page<T> = await read(after)
    all.push(...nodes)
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
  } while (after !== null && all.length < CHOICES_MAX)
  return all
}

type Asking = Pick<Api, 'ask'>

/** All templates. @throws ApiError */
export const templateChoices = (api: Asking) => everyOne(async (after) => (await api.ask(TemplateChoices, { after })).templates)

/** All topics. @throws ApiError */
export const topicChoices = (api: Asking) => everyOne(async (after) => (await api.ask(TopicChoices, { after })).topics)

/** All segments. @throws ApiError */
export const segmentChoices = (api: Asking) => everyOne(async (after) => (await api.ask(SegmentChoices, { after })).segments)
