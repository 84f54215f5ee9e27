/** The filters of the audit log. They are kept in the URL, so that a view can be shared. */
import { html, type TemplateResult } from 'lit'
import type { AuditActorKind, AuditFilterInput, AuditTargetKind } from '../generated/graphql.ts'
import { choice, line, submit } from './form.ts'
import type { Deps } from './page.ts'
import type { Route } from './router.ts'
import { createUrlFilter, dateOf, textOf } from './url-filter.ts'

/** What callers are called. */
export const actorLabels = {
  KEY: 'API key',
  TOKEN: 'Access token',
  PERSON: 'Person',
  OPERATOR: 'Operator',
  SYSTEM: 'Server',
} satisfies Record<AuditActorKind, string>

/** What objects are called. */
export const targetLabels = {
  PROJECT: 'Project',
  API_KEY: 'API key',
  PERSON: 'Person',
  TEMPLATE: 'Template',
  CAMPAIGN: 'Campaign',
  SEGMENT: 'Segment',
  TOPIC: 'Topic',
  PROVIDER: 'Provider',
  SUPPRESSION: 'Suppression',
  CONTACT: 'Contact',
  MESSAGE: 'Message',
  TRANSACTION: 'Transaction',
} satisfies Record<AuditTargetKind, string>

const namesOf = <T extends string>(labels: Readonly<Record<T, string>>): readonly T[] => Object.keys(labels) as T[]

const names = ['by', 'actor', 'kind', 'target', 'operation', 'from', 'to'] as const
type Name = (typeof names)[number]
type Given = { -readonly [K in keyof AuditFilterInput]?: NonNullable<AuditFilterInput[K]> }

/** The filter in the query of a URL. Unknown kinds are ignored. */
export function filterOf(query: URLSearchParams): Given {
  const filter: Given = {}
  const of = (name: Name): string => textOf(query, name)
  const actorKind = namesOf(actorLabels).find((one) => one === of('by'))
  const targetKind = namesOf(targetLabels).find((one) => one === of('kind'))
  if (actorKind !== undefined) filter.actorKinds = [actorKind]
  if (targetKind !== undefined) filter.targetKinds = [targetKind]
  if (of('actor') !== '') filter.actor = of('actor')
  if (of('target') !== '') filter.target = of('target')
  if (of('operation') !== '') filter.operations = [of('operation')]
  for (const name of ['from', 'to'] as const) {
    const date = dateOf(query, name)
    if (date !== undefined) filter[name] = date
  }
  return filter
}

/** The form. */
export function createAuditFilter(deps: Pick<Deps, 'replace' | 'update'>, route: () => Route) {
  const { given, typed, chosen, used, apply, stop } = createUrlFilter(deps, route, names)
  const view = (): TemplateResult => html`<form role="search" aria-label="Filter the audit log" @submit=${submit(apply)}>
    <div class="filters">
      ${line({
        ...{ id: 'actor', label: 'Actor', type: 'search', class: 'search', placeholder: 'Name, e-mail address or id' },
        value: given('actor'),
        change: typed('actor'),
      })}
      ${choice({
        ...{ id: 'kind', label: 'Object type', value: given('kind') },
        options: [['', 'Any'], ...namesOf(targetLabels).map((one) => [one, targetLabels[one]] as const)],
        change: chosen('kind'),
      })}
      ${line({ id: 'target', label: 'Object key or id', value: given('target'), change: typed('target') })}
    </div>
    <details ?open=${used(['by', 'operation', 'from', 'to']) > 0}>
      <summary>More filters</summary>
      <div class="filters">
        ${choice({
          ...{ id: 'by', label: 'Actor type', value: given('by') },
          options: [['', 'Any'], ...namesOf(actorLabels).map((one) => [one, actorLabels[one]] as const)],
          change: chosen('by'),
        })}
        ${line({ id: 'operation', label: 'Operation', placeholder: 'upsertTemplates', value: given('operation'), change: chosen('operation') })}
        ${line({ id: 'from', label: 'From', type: 'datetime-local', value: given('from'), change: typed('from') })}
        ${line({ id: 'to', label: 'To', type: 'datetime-local', value: given('to'), change: typed('to') })}
      </div>
    </details>
  </form>`
  return { view, stop }
}
