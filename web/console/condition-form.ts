/** The condition editor of a segment. */
import { html, type TemplateResult } from 'lit'
import { type Node, newTest, operators, takesValue } from './condition.ts'
import { choice, line } from './form.ts'

type Group = Extract<Node, { items: Node[] }>
type Test = Exclude<Node, Group>

const groups = [
  ['all', 'All of these'],
  ['any', 'Any of these'],
  ['none', 'None of these'],
] as const

const MAX_DEPTH = 4

/** A group and everything nested in it. `id` prefixes the ids of its controls. */
export function conditionForm(
  node: Group,
  changed: () => void,
  remove: (() => void) | null = null,
  id = 'c',
  depth = 1,
): TemplateResult {
  const set = (change: () => void) => (): void => {
    change()
    changed()
  }
  const drop = (index: number) => set(() => node.items.splice(index, 1))
  const add = (item: Node) => set(() => node.items.push(item))
  return html`<fieldset class="condition">
    <legend>${groups.find(([kind]) => kind === node.kind)?.[1]}</legend>
    <div class="filters">
      ${choice({
        ...{ id: `${id}-kind`, label: 'Match', value: node.kind, options: groups },
        change: (value) => set(() => Object.assign(node, { kind: value }))(),
      })}
      ${remove === null ? '' : html`<button data-needs="MANAGE" type="button" class="small danger" @click=${remove}>Remove group</button>`}
    </div>
    ${node.items.map((item, index) =>
      'items' in item
        ? conditionForm(item, changed, drop(index), `${id}-${index}`, depth + 1)
        : html`<div class="filters test">
            ${item.kind === 'profile' ? profileTest(item, `${id}-${index}`, changed) : eventTest(item, `${id}-${index}`, changed)}
            <button data-needs="MANAGE" type="button" class="small danger" aria-label="Remove this condition" @click=${drop(index)}>Remove</button>
          </div>`,
    )}
    <div data-needs="MANAGE" class="buttons">
      <button type="button" class="small" @click=${add(newTest())}>Add property</button>
      <button type="button" class="small" @click=${add({ kind: 'event', name: '', withinSeconds: '', atLeast: '1', params: '' })}>Add event</button>
      ${depth < MAX_DEPTH ? html`<button type="button" class="small" @click=${add({ kind: 'any', items: [newTest()] })}>Add group</button>` : ''}
    </div>
  </fieldset>`
}

function profileTest(test: Extract<Test, { kind: 'profile' }>, id: string, changed: () => void): TemplateResult {
  const set = (change: Partial<typeof test>): void => {
    Object.assign(test, change)
    changed()
  }
  return html`
    ${line({ id: `${id}-path`, label: 'Property', placeholder: 'plan, address.city', value: test.path, isRequired: true, change: (path) => set({ path }) })}
    ${choice({
      ...{ id: `${id}-is`, label: 'Operator', value: test.is, options: Object.entries(operators) },
      change: (value) => set({ is: value as typeof test.is }),
    })}
    ${
      takesValue(test.is)
        ? line({
            id: `${id}-value`,
            label: 'Value',
            placeholder: test.is === 'IN' ? '["pro", "team"]' : 'pro, 12, true',
            value: test.value,
            change: (value) => set({ value }),
          })
        : ''
    }
  `
}

function eventTest(test: Extract<Test, { kind: 'event' }>, id: string, changed: () => void): TemplateResult {
  const set = (change: Partial<typeof test>): void => {
    Object.assign(test, change)
    changed()
  }
  return html`
    ${line({ id: `${id}-name`, label: 'Event', placeholder: 'order_placed', value: test.name, isRequired: true, change: (name) => set({ name }) })}
    ${line({ id: `${id}-times`, label: 'At least (times)', type: 'number', value: test.atLeast, change: (atLeast) => set({ atLeast }) })}
    ${line({ id: `${id}-within`, label: 'Within (seconds)', type: 'number', placeholder: 'any time', value: test.withinSeconds, change: (withinSeconds) => set({ withinSeconds }) })}
    ${line({ id: `${id}-params`, label: 'Parameters', placeholder: '{ "plan": "pro" }', value: test.params, change: (params) => set({ params }) })}
  `
}
