/** When a template speaks: at once, later, gathered, and on a channel only if another was not enough. */
import { html, type TemplateResult } from 'lit'
import { channelLabel, channelNames } from './badge.ts'
import { choice, line } from './form.ts'
import type { Draft, DraftRule } from './template-draft.ts'

const conditions = [
  ['ALWAYS', 'always'],
  ['UNSEEN', 'only if the in-app message is unseen'],
  ['UNREAD', 'only if the in-app message is unread'],
  ['OFFLINE', 'only if the contact is offline'],
] as const

type Mistake = { readonly field: string; readonly message: string } | null

/** Draws the form. */
export function whenForm(draft: Draft, mistake: Mistake, changed: () => void): TemplateResult {
  const wrong = (field: string): string | null => (mistake?.field === field ? mistake.message : null)
  const unruled = channelNames.filter((channel) => draft.rules.every((rule) => rule.channel !== channel))
  const set = (change: () => void): void => {
    change()
    changed()
  }
  const rule = (one: DraftRule, index: number): TemplateResult => html`
    <fieldset class="pair">
      <legend>${channelLabel(one.channel)}</legend>
      ${line({
        ...{ id: `rule-${index}`, label: 'Seconds to wait', value: one.delaySeconds, wrong: wrong(`rule-${index}`) },
        change: (value) => set(() => Object.assign(one, { delaySeconds: value })),
      })}
      ${choice({
        ...{ id: `rule-${index}-if`, label: 'And then', value: one.onlyIf, options: conditions },
        change: (value) => set(() => Object.assign(one, { onlyIf: value })),
      })}
      <div class="buttons">
        <button type="button" class="small danger" @click=${() => set(() => draft.rules.splice(index, 1))}>Remove the rule</button>
      </div>
    </fieldset>
  `
  return html`
    <div class="pair">
      ${line({
        ...{
          id: 'delaySeconds',
          label: 'Seconds to wait before anything',
          value: draft.delaySeconds,
          wrong: wrong('delaySeconds'),
        },
        change: (value) => set(() => Object.assign(draft, { delaySeconds: value })),
      })}
      ${line({
        ...{
          id: 'digestSeconds',
          label: 'Gather for so many seconds',
          value: draft.digestSeconds,
          wrong: wrong('digestSeconds'),
        },
        hint: 'A digest: all of a window in one message',
        change: (value) => set(() => Object.assign(draft, { digestSeconds: value })),
      })}
      ${
        draft.digestSeconds.trim() === ''
          ? ''
          : line({
              ...{
                id: 'digestKey',
                label: 'Gather by',
                value: draft.digestKey,
                hint: 'Liquid over the data; empty: all of a contact',
              },
              change: (value) => set(() => Object.assign(draft, { digestKey: value })),
            })
      }
    </div>
    ${draft.rules.map(rule)}
    ${
      unruled.length === 0
        ? ''
        : choice({
            ...{ id: 'add-rule', label: 'Add a rule for', value: '' },
            options: [['', 'a channel…'], ...unruled.map((channel) => [channel, channelLabel(channel)] as const)],
            change: (value) => {
              const channel = unruled.find((one) => one === value)
              if (channel !== undefined) set(() => draft.rules.push({ channel, delaySeconds: '0', onlyIf: 'ALWAYS' }))
            },
          })
    }
  `
}
