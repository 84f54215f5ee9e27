/** The versions of a template: who changed what, when; two of them side by side; restoring one. */
import { html, type TemplateResult } from 'lit'
import type { TemplateVersionsQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { badge } from './badge.ts'
import { dialog } from './dialog.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps } from './page.ts'
import { fieldChanges } from './side-by-side.ts'
import { table } from './table.ts'
import { counted, when } from './time.ts'

const TemplateVersions = graphql(`
  query TemplateVersions($key: ID!, $after: String) {
    template(key: $key) {
      version latestVersion published
      versions(first: 20, after: $after) {
        totalCount
        nodes { number createdAt publishedAt restoredFrom author { kind name email } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`)

const CompareVersions = graphql(`
  query CompareVersions($key: ID!, $number: Int!, $since: Int) {
    templateVersion(key: $key, number: $number) { number changes(since: $since) { path before after } }
  }
`)

const RestoreVersion = graphql(`
  mutation RestoreVersion($key: ID!, $number: Int!) { restoreTemplateVersion(key: $key, number: $number) { key latestVersion version } }
`)

type Row = NonNullable<TemplateVersionsQuery['template']>['versions']['nodes'][number]

/** Who made a version, in a word. */
export const authorName = (author: Row['author']): string =>
  author === null || author === undefined
    ? ''
    : (author.name ?? author.email ?? (author.kind === 'OPERATOR' ? 'The operator' : 'An access token'))

const byline = ({ author }: Row): string => {
  const name = authorName(author)
  return name === '' ? '' : `${name}, `
}

/** Creates the list. `mayReplace`: asks whether what is typed may be dropped; `restored` is called when another version is the latest. */
export function createVersions(
  { api, update, say, ask }: Pick<Deps, 'api' | 'update' | 'say' | 'ask'>,
  key: string,
  { mayReplace, restored }: { mayReplace(): Promise<boolean>; restored(): void },
) {
  let rows: readonly Row[] = []
  let compared: { readonly row: Row; since: number | null } | null = null
  let after: string | null = null
  const list = createLoad(async () => {
    const { template } = await api.ask(TemplateVersions, { key, after })
    rows = [...(after === null ? [] : rows), ...(template?.versions.nodes ?? [])]
    return template
  }, update)
  const changes = createLoad(async () => {
    if (compared === null) return []
    const { row, since } = compared
    return (await api.ask(CompareVersions, { key, number: row.number, since })).templateVersion?.changes ?? []
  }, update)

  const compare = (row: Row | null, since: number | null = null): void => {
    compared = row === null ? null : { row, since }
    if (row !== null) void changes.run()
    update()
  }
  function reload(): void {
    after = null
    void list.run()
  }
  async function restore({ number }: Row): Promise<void> {
    const text = 'It becomes a new version with the content of that one. Later versions stay in the list.'
    if (!(await mayReplace())) return
    if (!(await ask({ title: `Restore version ${number}?`, text, action: 'Restore' }))) return
    try {
      const { restoreTemplateVersion: now } = await api.ask(RestoreVersion, { key, number })
      say(
        now.latestVersion > now.version
          ? `Restored as a draft: version ${now.latestVersion}.`
          : `Restored as version ${now.version}.`,
      )
      compare(null)
      restored()
      reload()
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const stateOf = ({ number, publishedAt }: Row): TemplateResult | string => {
    const { version = 0, latestVersion = 0, published = true } = list.value ?? {}
    if (number === version && published) return badge('Published', 'good')
    return number === latestVersion ? badge('Draft', 'warn') : publishedAt === null ? 'Never published' : ''
  }
  const columns = [
    {
      head: 'Version',
      cell: (row: Row) =>
        html`<button type="button" class="link" aria-label="Compare version ${row.number}" @click=${() => compare(row)}>${row.number}</button>
          <span class="sub narrow">${byline(row)}${when(row.createdAt)}</span>`,
    },
    { head: '', class: 'keep', cell: stateOf },
    { head: 'By', class: 'minor', cell: ({ author }: Row) => authorName(author) || html`<span class="quiet">not known</span>` },
    { head: 'When', class: 'minor', cell: ({ createdAt }: Row) => when(createdAt) },
    {
      head: '',
      class: 'minor',
      cell: ({ restoredFrom }: Row) =>
        restoredFrom === null ? '' : html`<span class="quiet small">Restored from ${restoredFrom}</span>`,
    },
    {
      head: '',
      class: 'act',
      cell: (row: Row) =>
        row.number === list.value?.latestVersion
          ? ''
          : html`<button
              data-needs="MANAGE"
              type="button"
              class="small"
              aria-label="Restore version ${row.number}"
              @click=${() => void restore(row)}
            >
              Restore
            </button>`,
    },
  ]

  const comparison = ({ row, since }: NonNullable<typeof compared>): TemplateResult => {
    const older = rows.find(({ number }) => number < row.number)?.number ?? null
    const latest = list.value?.latestVersion ?? row.number
    const base = since ?? older
    const heads = [base === null ? 'Before' : `Version ${base}`, `Version ${row.number}`] as const
    return dialog({
      title: `Version ${row.number}`,
      isWide: true,
      close: () => compare(null),
      body: html`
        <p class="quiet small">${byline(row)}${when(row.createdAt, 'full')}</p>
        <div class="tabs" role="group" aria-label="Compared with">
          <button type="button" aria-pressed=${since === null ? 'true' : 'false'} @click=${() => compare(row)}>The version before</button>
          ${row.number === latest ? '' : html`<button type="button" aria-pressed=${since === latest ? 'true' : 'false'} @click=${() => compare(row, latest)}>The latest version</button>`}
        </div>
        ${loaded(changes, (found) => (found.length === 0 ? empty('No difference', '') : fieldChanges(found, heads)))}
        ${
          row.number === latest
            ? ''
            : html`<div data-needs="MANAGE" class="buttons end"><button type="button" @click=${() => void restore(row)}>Restore this version</button></div>`
        }
      `,
    })
  }

  void list.run()
  return {
    reload,
    view: (): TemplateResult => html`
      <section class="panel" aria-labelledby="versions-title">
        <header>
          <h2 id="versions-title">Versions</h2>
          ${list.value === null ? '' : html`<span class="quiet small">${counted(list.value.versions.totalCount, 'version')}</span>`}
        </header>
        ${loaded(list, (template) =>
          template === null || rows.length === 0
            ? empty('No versions yet', '')
            : html`${table({ caption: 'Versions', rows, key: ({ number }) => String(number), columns })}
                ${
                  template.versions.pageInfo.hasNextPage
                    ? html`<div class="body"><button
                        type="button"
                        @click=${() => {
                          after = template.versions.pageInfo.endCursor ?? null
                          void list.run()
                        }}
                      >
                        Show more
                      </button></div>`
                    : ''
                }`,
        )}
      </section>
      ${compared === null ? '' : comparison(compared)}
    `,
  }
}
