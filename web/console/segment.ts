/** A segment: its condition and the contacts that match it. */
import { html, type TemplateResult } from 'lit'
import type { OneSegmentQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { conditionOf, type Node, newTest, nodeOf } from './condition.ts'
import { conditionForm } from './condition-form.ts'
import { nameOf } from './contacts.ts'
import { cut } from './cut.ts'
import { line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { href, type Route } from './router.ts'
import { createSource } from './source.ts'
import { table } from './table.ts'
import { counted } from './time.ts'
import { createUnsaved } from './unsaved.ts'

const OneSegment = graphql(`
  query OneSegment($key: ID!) {
    segment(key: $key) { key name where contactCount }
  }
`)

const SegmentContacts = graphql(`
  query SegmentContacts($key: ID!) {
    contacts(filter: { segment: $key }, first: 20) { nodes { externalId firstName lastName email } }
  }
`)

const SaveSegment = graphql(`
  mutation SaveSegment($segments: [SegmentInput!]!) { upsertSegments(segments: $segments) { key name where contactCount } }
`)

const DeleteSegment = graphql(`
  mutation DeleteSegment($keys: [ID!]!) { deleteSegments(keys: $keys) { deletedCount } }
`)

type Group = Extract<Node, { items: Node[] }>
type Stored = NonNullable<OneSegmentQuery['segment']>

/** A condition with a group at its root: a single condition is wrapped in one. */
const groupOf = (stored: unknown): Group => {
  const node = nodeOf(stored)
  return 'items' in node ? node : { kind: 'all', items: [node] }
}

/** The route `new-segment` is for creating one. */
export function openSegment({ api, update, go, say, ask, drafts }: Deps, { path }: Route): Page {
  const isNew = path[0] === 'new-segment'
  const typed: { key: string; name: string; where: Group } = {
    key: path[1] ?? '',
    name: '',
    where: { kind: 'all', items: [newTest()] },
  }
  let wrong: string | null = null
  let isBusy = false
  const unsaved = createUnsaved<typeof typed>({ read: () => typed, write: (state) => void Object.assign(typed, state) }, update, {
    drafts,
    name: isNew ? 'new-segment' : `segments/${typed.key}`,
    basis: () => 0,
  })
  const changed = (): void => {
    unsaved.touched()
    update()
  }
  const found = createLoad(async () => {
    if (isNew) {
      unsaved.begin()
      return { segment: null as Stored | null }
    }
    const { segment } = await api.ask(OneSegment, { key: typed.key })
    if (segment !== null) {
      Object.assign(typed, { name: segment.name, where: groupOf(segment.where) })
      unsaved.begin()
    }
    return { segment }
  }, update)
  const source = createSource({ update, say }, () =>
    found.value?.segment
      ? { name: 'segment', document: OneSegment, variables: { key: typed.key }, value: found.value.segment }
      : null,
  )
  const members = createLoad(async () => (await api.ask(SegmentContacts, { key: typed.key })).contacts.nodes, update)
  const set = (change: Partial<typeof typed>): void => {
    Object.assign(typed, change)
    changed()
  }

  async function save(): Promise<void> {
    isBusy = true
    wrong = null
    update()
    try {
      const { upsertSegments } = await api.ask(SaveSegment, {
        segments: [
          { key: typed.key.trim(), name: typed.name.trim() === '' ? null : typed.name.trim(), where: conditionOf(typed.where) },
        ],
      })
      unsaved.saved()
      say('Segment saved.')
      if (isNew) go(['segments', typed.key.trim()])
      else {
        found.put({ segment: upsertSegments[0] ?? null })
        void members.run()
      }
    } catch (error) {
      wrong = failureOf(error).message
    }
    isBusy = false
    update()
  }
  async function remove(): Promise<void> {
    const text = 'Campaigns that use it will no longer reach anyone.'
    if (!(await ask({ title: `Delete the segment ${typed.key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteSegment, { keys: [typed.key] })
      unsaved.discard()
      go(['segments'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const form = (): TemplateResult => html`
    <form class="panel" @submit=${submit(save)}>
      <div class="body">
        ${unsaved.notice()}
        ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
        <div class="pair">
          ${isNew ? line({ id: 'segment-key', label: 'Key', hint: 'Identifies it in API calls', value: typed.key, isRequired: true, change: (key) => set({ key }) }) : ''}
          ${line({ id: 'segment-name', label: 'Name', value: typed.name, change: (name) => set({ name }) })}
        </div>
        ${conditionForm(typed.where, changed)}
        <div data-needs="MANAGE" class="buttons">
          <button class="primary" ?disabled=${isBusy}>${isBusy ? 'Saving…' : 'Save'}</button>
          ${isNew ? '' : html`<button type="button" class="danger" @click=${() => void remove()}>Delete</button>`}
          ${unsaved.isChanged() ? html`<span class="quiet small">Unsaved changes</span>` : ''}
        </div>
      </div>
    </form>
  `
  const who = (segment: Stored): TemplateResult => html`
    <section class="panel" aria-labelledby="who-title">
      <header>
        <h2 id="who-title">Contacts in this segment</h2>
        <span class="quiet small">${counted(segment.contactCount, 'contact')}</span>
      </header>
      ${loaded(members, (nodes) =>
        nodes.length === 0
          ? empty('No matching contacts', '')
          : table({
              caption: 'Contacts in this segment',
              rows: nodes,
              key: ({ externalId }) => externalId,
              columns: [
                {
                  head: 'Contact',
                  cell: ({ externalId }) =>
                    html`<a class="row" href=${href(['contacts', externalId])}>${cut(externalId, 32)}</a>`,
                },
                { head: 'Name', cell: nameOf },
                { head: 'E-mail', class: 'minor', cell: ({ email }) => cut(email ?? '–', 40) },
              ],
            }),
      )}
    </section>
  `

  void found.run()
  if (!isNew) void members.run()
  return {
    title: () => (isNew ? 'New segment' : typed.name === '' ? typed.key : typed.name),
    view: () => html`
      <div class="head">
        <p class="crumb"><a href=${href(['segments'])}>Segments</a></p>
        <h1 tabindex="-1">${isNew ? 'New segment' : (found.value?.segment?.name ?? typed.key)}</h1>
        ${isNew || (found.value?.segment ?? null) === null ? '' : html`<div class="actions">${source.buttons()}<a data-needs="SEND" class="button" href=${href(['new-broadcast'], { segment: typed.key })}>Send broadcast</a></div>`}
      </div>
      ${loaded(found, ({ segment }) =>
        segment === null && !isNew
          ? html`<div class="panel">${empty('Segment not found', html`It may have been deleted. Go to <a href=${href(['segments'])}>Segments</a>.`)}</div>`
          : html`${form()}${segment === null ? '' : who(segment)}`,
      )}
      ${source.view()}
    `,
    isUnsaved: unsaved.isChanged,
    discard: unsaved.discard,
  }
}
