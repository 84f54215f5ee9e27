/** The list of topics, with a dialog to create one. */
import { html, type TemplateResult } from 'lit'
import type { TopicListQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { cut, cutWords } from './cut.ts'
import { dialog } from './dialog.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { type Column, pageOf, pager, table } from './table.ts'
import { count, when } from './time.ts'

const TopicList = graphql(`
  query TopicList($first: Int, $after: String, $last: Int, $before: String) {
    topics(first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { key name contactCount createdAt }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const SaveTopic = graphql(`
  mutation SaveTopic($topics: [TopicInput!]!) { upsertTopics(topics: $topics) { key } }
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

export function openTopics({ api, update, replace, go, say }: Deps, first: Route): Page {
  let route = first
  let draft: { key: string; name: string } | null = null
  const list = createLoad(async () => (await api.ask(TopicList, pageOf(route.query))).topics, update)
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
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No topics yet', 'A topic is a named list of contacts that you can broadcast to.')
      : table({ caption: 'Topics', columns, rows: nodes, key: ({ key }) => key })
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
  void list.run()
  return {
    title: () => 'Topics',
    view: () => html`
      <div class="head">
        <h1 tabindex="-1">Topics</h1>
        <div class="actions"><button data-needs="MANAGE" class="primary" @click=${() => set({ key: '', name: '' })}>New topic</button></div>
      </div>
      <div class="panel">
        ${loaded(list, ({ nodes, pageInfo, totalCount }) => html`${rows(nodes)}${pager(pageInfo, route, replace, totalCount)}`)}
      </div>
      ${draft === null ? '' : form(draft)}
    `,
    moved(to) {
      route = to
      void list.run()
    },
  }
}
