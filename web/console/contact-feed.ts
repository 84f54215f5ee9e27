/** A contact's feed, live, as its own inbox shows it. Viewing it here does not mark messages as seen. */
import { html, type TemplateResult } from 'lit'
import type { ContactFeedQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { createLoad, createThrottle, empty, loaded } from './load.ts'
import type { Deps, Section } from './page.ts'
import { count, when } from './time.ts'

const ContactFeed = graphql(`
  query ContactFeed($contact: ID, $archived: Boolean, $first: Int) {
    feed(contact: $contact, archived: $archived, first: $first) {
      unseenCount unreadCount
      nodes { id title body feed count template seenAt readAt archivedAt createdAt actor { externalId } }
      pageInfo { hasNextPage }
    }
  }
`)

const ContactFeedChanges = graphql(`
  subscription ContactFeedChanges($contact: ID) { feedChanged(contact: $contact) { kind } }
`)

type Entry = ContactFeedQuery['feed']['nodes'][number]
const REFRESH_MS = 300
const STEP = 25

export function openContactFeed({ api, update }: Deps, contact: string): Section {
  let shown = STEP
  const feed = createLoad(async () => (await api.ask(ContactFeed, { contact, first: shown, archived: null })).feed, update)
  const refresh = createThrottle(() => void feed.run(), REFRESH_MS)
  const unwatch = api.watch(ContactFeedChanges, { contact }, { next: refresh, resumed: refresh })
  const more = (): void => {
    shown = Math.min(100, shown + STEP)
    void feed.run()
  }
  const entry = ({
    title,
    body,
    seenAt,
    readAt,
    archivedAt,
    createdAt,
    count: folded,
    feed: name,
    actor,
  }: Entry): TemplateResult => html`
    <li class="entry ${readAt ? '' : 'unread'}">
      <div>
        ${(title ?? '') === '' ? '' : html`<strong>${title}</strong>`}
        <p>${body}</p>
        <div class="badges">
          ${name === 'default' ? '' : badge(name)} ${folded > 1 ? badge(`×${folded}`) : ''} ${actor ? badge(`by ${actor.externalId}`) : ''}
          ${archivedAt ? badge('Archived') : readAt ? badge('Read', 'good') : seenAt ? badge('Seen', 'live') : badge('Unseen', 'warn')}
        </div>
      </div>
      ${when(createdAt)}
    </li>
  `
  void feed.run()
  return {
    view: () => html`<div class="panel">
      ${loaded(
        feed,
        ({ nodes, unreadCount, unseenCount, pageInfo }) => html`
          <header>
            <h2>Feed</h2>
            <span class="quiet small">${count(unreadCount)} unread, ${count(unseenCount)} unseen</span>
          </header>
          ${nodes.length === 0 ? empty('The feed is empty', 'In-app messages to this contact will appear here.') : html`<ol>${nodes.map(entry)}</ol>`}
          ${
            pageInfo.hasNextPage && shown < 100
              ? html`<div class="pager"><span class="count"></span><button class="small" @click=${more}>Show more</button></div>`
              : ''
          }
        `,
      )}
    </div>`,
    close() {
      unwatch()
      refresh.stop()
    },
  }
}
