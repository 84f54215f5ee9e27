/** The filters of the audit log. They are kept in the URL, so that a view can be shared. */
import { html, type TemplateResult } from 'lit'
import type { AuditActorKind, AuditFilterInput, AuditTargetKind } from '../generated/graphql.ts'
import { choice, line, submit } from './form.ts'
import type { Deps } from './page.ts'
import { changed, type Route } from './router.ts'

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

type Name = 'by' | 'actor' | 'kind' | 'target' | 'operation' | 'from' | 'to'
type Given = { -readonly [K in keyof AuditFilterInput]?: NonNullable<AuditFilterInput[K]> }

/** How long typing must pause before the filter is applied, ms. */
const TYPING_MS = 250

/** The filter in the query of a URL. Unknown kinds are ignored. */
export function filterOf(query: URLSearchParams): Given {
  const filter: Given = {}
  const of = (name: Name): string => query.get(name)?.trim() ?? ''
  const actorKind = namesOf(actorLabels).find((one) => one === of('by'))
  const targetKind = namesOf(targetLabels).find((one) => one === of('kind'))
  if (actorKind !== undefined) filter.actorKinds = [actorKind]
  if (targetKind !== undefined) filter.targetKinds = [targetKind]
  if (of('actor') !== '') filter.actor = of('actor')
  if (of('target') !== '') filter.target = of('target')
  if (of('operation') !== '') filter.operations = [of('operation')]
  for (const name of ['from', 'to'] as const) {
    const date = new Date(of(name))
    if (!Number.isNaN(date.getTime())) filter[name] = date.toISOString()
  }
  return filter
}

/** The form. */
export function createAuditFilter({ replace, update }: Pick<Deps, 'replace' | 'update'>, route: () => Route) {
  let typing: ReturnType<typeof setTimeout> | null = null
  let pending: Partial<Record<Name, string>> = {}
  const given = (name: Name): string => pending[name] ?? route().query.get(name) ?? ''
  function apply(): void {
    if (typing !== null) clearTimeout(typing)
    typing = null
    const changes = pending
    pending = {}
    replace(route().path, changed(route().query, { ...changes, after: null, before: null }))
  }
  const typed = (name: Name) => (value: string) => {
    pending[name] = value
    if (typing !== null) clearTimeout(typing)
    typing = setTimeout(apply, TYPING_MS)
    update()
  }
  const chosen = (name: Name) => (value: string) => {
    pending[name] = value
    apply()
  }
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
    <details ?open=${(['by', 'operation', 'from', 'to'] as const).some((name) => given(name) !== '')}>
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
  return {
    view,
    stop() {
      if (typing !== null) clearTimeout(typing)
    },
  }
}
