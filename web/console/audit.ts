/** The audit log: who changed what. */
import { html, type TemplateResult } from 'lit'
import type { AuditPageQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { actorLabels, createAuditFilter, filterOf, targetLabels } from './audit-filter.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { differences, shownDifferences } from './difference.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import type { Route } from './router.ts'
import { pageOf, pager, table } from './table.ts'
import { counted, when } from './time.ts'

const AuditPage = graphql(`
  query AuditPage($filter: AuditFilterInput, $first: Int, $after: String, $last: Int, $before: String) {
    auditLog(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      nodes { id at actor { kind id name email } remoteAddress operation target { kind id key } before after }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

type Row = AuditPageQuery['auditLog']['nodes'][number]

const who = ({ actor }: Row): string => actor.name ?? actor.email ?? actorLabels[actor.kind]
const isNamed = (row: Row): boolean => who(row) !== actorLabels[row.actor.kind]
const what = ({ target }: Row): string => target.key ?? target.id ?? '–'

/** `upsertTemplates` as "Upsert templates". */
const words = (operation: string): string => {
  const text = operation.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/\bapi\b/, 'API')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const kindOf = ({ before, after }: Row): TemplateResult | string => {
  if (before === null && after === null) return ''
  if (before === null) return badge('Created', 'good')
  return after === null ? badge('Deleted', 'bad') : badge(counted(differences(before, after).length, 'change'))
}

export function openAudit({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  let shown: Row | null = null
  const filter = createAuditFilter({ replace, update }, () => route)
  const list = createLoad(
    async () => (await api.ask(AuditPage, { filter: filterOf(route.query), ...pageOf(route.query) })).auditLog,
    update,
  )
  const set = (next: Row | null) => (): void => {
    shown = next
    update()
  }
  const rows = (nodes: readonly Row[]): TemplateResult =>
    nodes.length === 0
      ? empty('No entries', 'Changes to settings, keys, providers, templates and other objects appear here. Sends do not.')
      : table<Row>({
          caption: 'Changes, newest first',
          rows: nodes,
          key: ({ id }) => id,
          columns: [
            { head: 'Time', class: 'time', cell: ({ at }) => when(at) },
            {
              head: 'Actor',
              class: 'minor',
              cell: (row) =>
                html`${who(row)}${isNamed(row) ? html`<span class="sub">${actorLabels[row.actor.kind]}</span>` : ''}`,
            },
            {
              head: 'Action',
              cell: (row) => html`${words(row.operation)}
                <span class="sub"><span class="clip">${targetLabels[row.target.kind]} ${what(row)}</span></span>
                <span class="sub narrow">by ${who(row)}</span>`,
            },
            { head: 'Changes', class: 'minor keep', cell: kindOf },
            {
              head: '',
              class: 'act',
              cell: (row) =>
                html`<button class="small" aria-label="Details of ${words(row.operation)} ${what(row)}" @click=${set(row)}>Details</button>`,
            },
          ],
        })
  const detail = (row: Row): TemplateResult => {
    const { at, actor, remoteAddress, target, before, after } = row
    const fact = (name: string, value: unknown): TemplateResult | string =>
      value === null || value === undefined || value === '' ? '' : html`<dt>${name}</dt><dd>${value}</dd>`
    const found = differences(before, after)
    return dialog({
      title: words(row.operation),
      isWide: true,
      close: set(null),
      body: html`<dl class="facts">
          ${fact('Time', when(at, 'full'))}
          ${fact('Actor', isNamed(row) ? `${who(row)} (${actorLabels[actor.kind]})` : who(row))}
          ${fact('E-mail', actor.email === who(row) ? null : actor.email)}
          ${fact('IP address', remoteAddress)}
          ${fact(targetLabels[target.kind], html`<span class="mono">${what(row)}</span>`)}
        </dl>
        ${found.length === 0 ? html`<p class="quiet small">No further details were recorded.</p>` : shownDifferences(found)}`,
    })
  }
  void list.run()
  return {
    title: () => 'Audit log',
    view: () => html`
      <div class="head"><h1 tabindex="-1">Audit log</h1></div>
      ${filter.view()}
      <div class="panel" aria-busy=${list.isLoading ? 'true' : 'false'}>
        ${loaded(list, ({ nodes, pageInfo }) => html`${rows(nodes)}${pager(pageInfo, route, replace)}`)}
      </div>
      ${shown === null ? '' : detail(shown)}
    `,
    moved(to) {
      route = to
      void list.run()
    },
    close: () => filter.stop(),
  }
}
