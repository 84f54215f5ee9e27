/** An object as the API has it: its JSON, and the call that gives it, ready to be pasted. */
import { html, type TemplateResult } from 'lit'
import type { Document } from '../graphql.ts'
import { copy } from './copy.ts'
import { dialog } from './dialog.ts'
import type { Deps } from './page.ts'

/** An operation of one line, as people write it: a selection a line, and each deeper one indented. */
export function pretty(document: string): string {
  let depth = 0
  let lists = 0
  let text = ''
  const next = (): void => {
    text = `${text.trimEnd()}\n${'  '.repeat(depth)}`
  }
  for (const [token] of document.matchAll(/"(?:\\.|[^"\\])*"|\.\.\.\s*on\s+\w+|\.\.\.|[{}()[\]:,]|[^\s{}()[\]:,"]+/g)) {
    if (token === '(') lists += 1
    if (token === '{' && lists === 0) {
      depth += 1
      text = `${text.trimEnd()} {`
      next()
    } else if (token === '}' && lists === 0) {
      depth -= 1
      next()
      text += '}'
      if (depth > 0) next()
    } else if (lists > 0 || depth === 0) {
      text = /^[)\]:,(]$/.test(token) ? text.trimEnd() + token : text + token
      if (!/^[([]$/.test(token)) text += ' '
    } else {
      text += token
      next()
    }
    if (token === ')') {
      lists -= 1
      text = text.trimEnd()
      if (lists === 0 && depth > 0) next()
    }
  }
  // A field's arguments and alias stay in its line.
  return text
    .replace(/\n\s*([(:])/g, '$1')
    .replace(/:\n\s*/g, ': ')
    .replace(/\n\s*\{/g, ' {')
    .trim()
}

/** What is shown. */
export interface Shown<T, V> {
  /** "notification" */
  readonly name: string
  readonly document: Document<T, V>
  readonly variables: V
  readonly value: unknown
}

/** `shown`: the object; null: it is not there yet, or not at all */
export function createSource<T, V>({ update, say }: Pick<Deps, 'update' | 'say'>, shown: () => Shown<T, V> | null) {
  let open: 'json' | 'graphql' | null = null
  const set = (next: typeof open) => (): void => {
    open = next
    update()
  }
  const block = (label: string, text: string): TemplateResult => html`
    <div class="buttons"><h3>${label}</h3><button class="small" @click=${() => void copy(say, text)}>Copy ${label.toLowerCase()}</button></div>
    <pre tabindex="0" role="group" aria-label=${label}>${text}</pre>
  `
  return {
    /** Opens it. */
    buttons: (): TemplateResult | string =>
      shown() === null ? '' : html`<button @click=${set('json')}>JSON</button><button @click=${set('graphql')}>GraphQL</button>`,
    view: (): TemplateResult | string => {
      const one = shown()
      if (open === null || one === null) return ''
      return dialog({
        title: open === 'json' ? `The ${one.name} as JSON` : `The ${one.name} as a GraphQL call`,
        isWide: true,
        close: set(null),
        body:
          open === 'json'
            ? block('JSON', JSON.stringify(one.value, null, 2))
            : html`${block('Operation', pretty(String(one.document)))}${block('Variables', JSON.stringify(one.variables, null, 2))}`,
      })
    },
  }
}
