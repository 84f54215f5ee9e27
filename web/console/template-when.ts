/** The delivery rules of a template: delays, digests, and conditions on channels. */
import { html, type TemplateResult } from 'lit'
import { channelLabel, channelNames } from './badge.ts'
import { choice, line } from './form.ts'
import type { Draft, DraftRule } from './template-draft.ts'

const conditionLabels = {
  ALWAYS: 'Always',
  UNSEEN: 'Only if the in-app message is unseen',
  UNREAD: 'Only if the in-app message is unread',
  OFFLINE: 'Only if the contact is offline',
} satisfies Record<DraftRule['onlyIf'], string>
const conditions = Object.entries(conditionLabels) as [DraftRule['onlyIf'], string][]

type Invalid = { readonly field: string; readonly message: string } | null

export function whenForm(draft: Draft, mistake: Invalid, changed: () => void): TemplateResult {
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
        ...{ id: `rule-${index}`, label: 'Delay (seconds)', value: one.delaySeconds, wrong: wrong(`rule-${index}`) },
        change: (value) => set(() => Object.assign(one, { delaySeconds: value })),
      })}
      ${choice({
        ...{ id: `rule-${index}-if`, label: 'Condition', value: one.onlyIf, options: conditions },
        change: (value) => set(() => Object.assign(one, { onlyIf: value })),
      })}
      <div class="buttons">
        <button data-needs="MANAGE" type="button" class="small danger" @click=${() => set(() => draft.rules.splice(index, 1))}>Remove rule</button>
      </div>
    </fieldset>
  `
  return html`
    <div class="pair">
      ${line({
        ...{
          id: 'delaySeconds',
          label: 'Delay before sending (seconds)',
          value: draft.delaySeconds,
          wrong: wrong('delaySeconds'),
        },
        change: (value) => set(() => Object.assign(draft, { delaySeconds: value })),
      })}
      ${line({
        ...{
          id: 'digestSeconds',
          label: 'Digest window (seconds)',
          value: draft.digestSeconds,
          wrong: wrong('digestSeconds'),
        },
        hint: 'Combines all notifications in the window into one message',
        change: (value) => set(() => Object.assign(draft, { digestSeconds: value })),
      })}
      ${
        draft.digestSeconds.trim() === ''
          ? ''
          : line({
              ...{
                id: 'digestKey',
                label: 'Digest key',
                value: draft.digestKey,
                hint: 'Liquid, with the data as variables. Empty: one digest per contact',
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
            ...{ id: 'add-rule', label: 'Add rule for', value: '' },
            options: [['', 'Choose a channel…'], ...unruled.map((channel) => [channel, channelLabel(channel)] as const)],
            change: (value) => {
              const channel = unruled.find((one) => one === value)
              if (channel !== undefined) set(() => draft.rules.push({ channel, delaySeconds: '0', onlyIf: 'ALWAYS' }))
            },
          })
    }
  `
}
