/** The editor of a template's content, by channel and language. */
import { html, type TemplateResult } from 'lit'
import type { Channel } from '../generated/graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import type { DrawCode } from './code.ts'
import { area, check, choice, line } from './form.ts'
import type { Draft, DraftContent } from './template-draft.ts'
import { newContent } from './template-draft.ts'
import { type FieldSpec, specOf } from './template-fields.ts'

/** The template that is edited. */
export interface ContentForm {
  readonly draft: () => Draft
  /** the language of new content */
  readonly locale: string
  readonly code: DrawCode
  /** the validation error, and the id of its control */
  readonly wrong: () => { readonly field: string; readonly message: string } | null
  changed(): void
}

/** A language tag as the server stores it, or what was typed: the server says what is wrong with it. */
function spelled(typed: string): string {
  try {
    return new Intl.Locale(typed.trim().replaceAll('_', '-')).toString()
  } catch {
    return typed
  }
}

export function createContentForm({ draft, locale, code, wrong, changed }: ContentForm) {
  let channel: Channel = channelNames.find((one) => draft().contents[one].length > 0) ?? 'IN_APP'
  let index = 0
  let added = ''
  const list = (): DraftContent[] => draft().contents[channel]

  const open = (next: Channel) => () => {
    channel = next
    index = 0
    changed()
  }
  function add(typed: string): void {
    const language = spelled(typed)
    const known = list().findIndex((content) => content.locale === language)
    index = known >= 0 ? known : list().push(newContent(channel, language)) - 1
    added = ''
    changed()
  }
  const remove = (): void => {
    list().splice(index, 1)
    index = 0
    changed()
  }

  const control = (content: DraftContent, { name, label, kind, isRequired, hint }: FieldSpec): TemplateResult => {
    const id = `${specOf(channel).input}-${index}-${name}`
    const mistake = wrong()
    const value = content[name]
    const set = (next: DraftContent[string]): void => {
      content[name] = next
      changed()
    }
    const base = {
      id,
      label,
      wrong: mistake?.field === id ? mistake.message : null,
      ...(isRequired === true ? { isRequired } : {}),
      ...(hint === undefined ? {} : { hint }),
    }
    if (typeof value === 'boolean') return check(id, label, value, set)
    if (typeof value === 'object') {
      return html`<fieldset class="pair">
        <legend>${label}</legend>
        ${line({ id, label: 'Label', value: value.label, change: (next) => set({ ...value, label: next }) })}
        ${line({ id: `${id}-url`, label: 'URL', value: value.url, change: (next) => set({ ...value, url: next }) })}
      </fieldset>`
    }
    const text = value ?? ''
    if (kind === 'type')
      return choice({
        ...base,
        value: text,
        options: [
          ['SMS', 'SMS'],
          ['LMS', 'LMS'],
          ['MMS', 'MMS'],
        ],
        change: set,
      })
    if (kind === 'line') return line({ ...base, value: text, change: set })
    if (kind === 'html') return code({ ...base, value: text, rows: 8, language: 'html', change: set })
    if (kind === 'json') return code({ ...base, value: text, language: 'json-with-liquid', change: set })
    return area({ ...base, value: text, change: set })
  }

  const fields = (content: DraftContent): TemplateResult => {
    const { fields: specs } = specOf(channel)
    const rare = specs.filter((spec) => spec.isRare === true)
    const isUsed = rare.some(({ name }) => {
      const value = content[name]
      return typeof value === 'object' ? value.label !== '' : value !== '' && value !== false
    })
    return html`
      ${specs.filter((spec) => spec.isRare !== true).map((spec) => control(content, spec))}
      ${
        rare.length === 0
          ? ''
          : html`<details ?open=${isUsed}>
              <summary>More options</summary>
              <div class="form">${rare.map((spec) => control(content, spec))}</div>
            </details>`
      }
      <div data-needs="MANAGE" class="buttons"><button type="button" class="small danger" @click=${remove}>Remove ${content.locale}</button></div>
    `
  }

  const view = (): TemplateResult => {
    const contents = list()
    index = Math.min(index, Math.max(0, contents.length - 1))
    const content = contents[index]
    return html`
      <div class="tabs wrap" role="group" aria-label="Channel">
        ${channelNames.map(
          (one) =>
            html`<button type="button" aria-pressed=${one === channel ? 'true' : 'false'} @click=${open(one)}>
              ${channelLabel(one)}${draft().contents[one].length > 0 ? html`<span class="dot" title="has content"></span>` : ''}
            </button>`,
        )}
      </div>
      <div class="body">
        <div class="filters languages">
          <div class="buttons" role="group" aria-label="Language">
            ${contents.map(
              (one, at) =>
                html`<button
                  type="button"
                  class="small"
                  aria-pressed=${at === index ? 'true' : 'false'}
                  @click=${() => {
                    index = at
                    changed()
                  }}
                >
                  ${one.locale}
                </button>`,
            )}
          </div>
          ${
            content === undefined
              ? ''
              : html`${line({
                  id: 'add-language',
                  label: 'Add language',
                  value: added,
                  placeholder: 'ko, pt-BR',
                  change: (value) => {
                    added = value.trim()
                    changed()
                  },
                })}
                  <button data-needs="MANAGE" type="button" class="small" ?disabled=${added === ''} @click=${() => add(added)}>Add</button>`
          }
        </div>
        ${
          content === undefined
            ? html`<div class="empty">
                <p>No content for ${channelLabel(channel)} yet.</p>
                <button data-needs="MANAGE" type="button" @click=${() => add(locale)}>Add content</button>
              </div>`
            : fields(content)
        }
      </div>
    `
  }
  /** `channel`: the one that is edited. */
  return { view, channel: (): Channel => channel }
}
