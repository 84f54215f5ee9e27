/** The list of topics, with a dialog to create one. */
import { html, type TemplateResult } from 'lit'
import type { TopicListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { cut, cutWords } from './cut.ts'
import { dialog } from './dialog.ts'
import { line, submit } from './form.ts'
import { deletion, openList } from './list-page.ts'
import { failureOf } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import type { Column } from './table.ts'
import { count, when } from './time.ts'

const TopicList = graphql(`
  query TopicList($first: Int, $after: String, $last: Int, $before: String, $search: String) {
    topics(first: $first, after: $after, last: $last, before: $before, search: $search) {
      totalCount
      nodes { key name contactCount createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const SaveTopic = graphql(`
  mutation SaveTopic($topics: [TopicInput!]!) { upsertTopics(topics: $topics) { key } }
`)

const DeleteSelectedTopics = graphql(`
  mutation DeleteSelectedTopics($keys: [ID!]!) { deleteTopics(keys: $keys) { deletedCount } }
`)

type Row = TopicListQuery['topics']['nodes'][number]

const columns: readonly Column<Row>[] = [
  {
    head: 'Topic',
    cell: ({ key, name }) =>
      html`<a class="row" href=${href(['topics', key])}>${cutWords(name, 32)}</a><span class="sub mono">${cut(key, 36)}</span>`,
  },
  { head: 'Contacts', class: 'number', cell: ({ contactCount }) => count(contactCount) },
  { head: 'Created', class: 'minor time', cell: ({ createdAt }) => when(createdAt) },
]

export function openTopics(deps: Deps, first: Route): Page {
  const { api, update, go, say } = deps
  let draft: { key: string; name: string } | null = null
  const set = (next: typeof draft) => {
    draft = next
    update()
  }
  async function create({ key, name }: { key: string; name: string }): Promise<void> {
    try {
      await api.ask(SaveTopic, { topics: [{ key: key.trim(), ...(name.trim() === '' ? {} : { name: name.trim() }) }] })
      draft = null
      go(['topics', key.trim()])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const form = (one: { key: string; name: string }): TemplateResult =>
    dialog({
      title: 'New topic',
      close: () => set(null),
      body: html`<form @submit=${submit(() => create(one))}>
        ${line({ id: 'topic-key', label: 'Key', hint: 'Identifies it in API calls', value: one.key, isRequired: true, change: (key) => set({ ...one, key }) })}
        ${line({ id: 'topic-name', label: 'Name', value: one.name, change: (name) => set({ ...one, name }) })}
        <div class="buttons end"><button class="primary">Create</button></div>
      </form>`,
    })
  return openList<Row>(deps, first, {
    ...{ title: 'Topics', caption: 'Topics', columns, key: ({ key }) => key, searched: 'key and name' },
    none: ['No topics yet', 'A topic is a named list of contacts that you can broadcast to.'],
    load: async (asked) => (await api.ask(TopicList, asked)).topics,
    bulk: [
      deletion(
        'topic',
        'Their contacts, and messages already sent to them, are kept.',
        ({ key }) => key,
        async (rows) => (await api.ask(DeleteSelectedTopics, { keys: rows.map(({ key }) => key) })).deleteTopics.deletedCount,
      ),
    ],
    actions: () =>
      html`<button data-needs="MANAGE" class="primary" @click=${() => set({ key: '', name: '' })}>New topic</button>`,
    below: () => (draft === null ? '' : form(draft)),
  })
}
