/** A topic: its contacts, added and removed. */
import { html, type TemplateResult } from 'lit'
import type { OneTopicQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { nameOf } from './contacts.ts'
import { copyButton } from './copy.ts'
import { cut } from './cut.ts'
import { area, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSelection } from './selection.ts'
import { createSource } from './source.ts'
import { pageOf, pager, table } from './table.ts'
import { counted } from './time.ts'

const OneTopic = graphql(`
  query OneTopic($key: ID!, $first: Int, $after: String, $last: Int, $before: String) {
    topic(key: $key) { key name contactCount }
    contacts(filter: { topic: $key }, first: $first, after: $after, last: $last, before: $before) {
      nodes { externalId firstName lastName email }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

const JoinTopic = graphql(`
  mutation JoinTopic($topic: ID!, $contacts: [ID!]!) { subscribeToTopic(topic: $topic, contacts: $contacts) { contactCount } }
`)

const LeaveTopic = graphql(`
  mutation LeaveTopic($topic: ID!, $contacts: [ID!]!) { unsubscribeFromTopic(topic: $topic, contacts: $contacts) { contactCount } }
`)

const DeleteTopic = graphql(`
  mutation DeleteTopic($keys: [ID!]!) { deleteTopics(keys: $keys) { deletedCount } }
`)

type Row = OneTopicQuery['contacts']['nodes'][number]

export function openTopic(deps: Deps, first: Route): Page {
  const { api, update, replace, go, say, ask } = deps
  const key = first.path[1] ?? ''
  let route = first
  let typed = ''
  const found = createLoad(() => api.ask(OneTopic, { key, ...pageOf(route.query) }), update)

  const source = createSource(deps, () =>
    found.value?.topic
      ? { name: 'topic', document: OneTopic, variables: { key, ...pageOf(route.query) }, value: found.value.topic }
      : null,
  )
  const attempt = async (work: () => Promise<string>): Promise<void> => {
    try {
      say(await work())
      await found.run()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }
  const join = (): Promise<void> =>
    attempt(async () => {
      const contacts = typed.split(/[\s,;]+/).filter((one) => one !== '')
      await api.ask(JoinTopic, { topic: key, contacts })
      typed = ''
      return `${counted(contacts.length, 'contact')} added.`
    })
  const selection = createSelection<Row>(
    deps,
    ({ externalId }) => externalId,
    ({ externalId }) => externalId,
    [
      {
        label: 'Remove from topic',
        needs: 'SEND',
        async run(rows) {
          await api.ask(LeaveTopic, { topic: key, contacts: rows.map(({ externalId }) => externalId) })
          return `${counted(rows.length, 'contact')} removed.`
        },
      },
    ],
    () => found.run(),
  )
  const leave = (contact: string): Promise<void> =>
    attempt(async () => {
      await api.ask(LeaveTopic, { topic: key, contacts: [contact] })
      return `${contact} removed.`
    })
  const remove = async (): Promise<void> => {
    const text = 'Its contacts, and messages already sent to it, are kept.'
    if (!(await ask({ title: `Delete the topic ${key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteTopic, { keys: [key] })
      go(['topics'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const members = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No contacts yet', 'Add contacts by their externalId.')
      : table<Row>({
          caption: 'Contacts in the topic',
          rows: nodes,
          key: ({ externalId }) => externalId,
          columns: selection.columns(
            [
              {
                head: 'Contact',
                cell: ({ externalId }) => html`<a class="row" href=${href(['contacts', externalId])}>${cut(externalId, 32)}</a>`,
              },
              { head: 'Name', class: 'minor', cell: nameOf },
              { head: 'E-mail', class: 'minor', cell: ({ email }) => cut(email ?? '–', 40) },
              {
                head: '',
                class: 'act',
                cell: ({ externalId }) =>
                  html`<button data-needs="SEND" class="small" aria-label="Remove ${externalId}" @click=${() => void leave(externalId)}>Remove</button>`,
              },
            ],
            nodes,
          ),
        })

  void found.run()
  return {
    title: () => found.value?.topic?.name ?? key,
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['topics'])}>Topics</a></p>
        <h1 tabindex="-1">${found.value?.topic?.name ?? key}</h1>
        ${found.value?.topic ? html`<span class="mono quiet">${key}${copyButton(say, 'topic key', key)}</span>` : ''}
        <span class="quiet">${found.value?.topic ? counted(found.value.topic.contactCount, 'contact') : ''}</span>
        ${
          found.value?.topic
            ? html`<div class="actions">
                ${source.buttons()}
                <a data-needs="SEND" class="button" href=${href(['new-broadcast'], { topic: key })}>Send broadcast</a>
                <button data-needs="MANAGE" class="danger" @click=${() => void remove()}>Delete</button>
              </div>`
            : ''
        }
      </div>
      ${loaded(found, ({ topic, contacts }) =>
        topic === null
          ? html`<div class="panel">${empty('Topic not found', html`It may have been deleted. Go to <a href=${href(['topics'])}>Topics</a>.`)}</div>`
          : html`<form data-needs="SEND" class="panel" @submit=${submit(join)}>
                <div class="body">
                  ${area({
                    ...{
                      id: 'join',
                      label: 'Add contacts',
                      hint: 'externalIds, separated by spaces, commas or line breaks',
                      rows: 2,
                      value: typed,
                      isRequired: true,
                    },
                    change: (value) => {
                      typed = value
                      update()
                    },
                  })}
                  <div class="buttons"><button ?disabled=${typed.trim() === ''}>Add</button></div>
                </div>
              </form>
              ${selection.bar()}
              <div class="panel">${members(contacts.nodes)}${pager(contacts.pageInfo, route, replace)}</div>`,
      )}
      ${source.view()}
    `,
    moved(to) {
      route = to
      selection.clear()
      void found.run()
    },
  }
}
