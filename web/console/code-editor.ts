/** The editor of code, on CodeMirror: HTML and JSON with Liquid in them. A bundle of its own, which is loaded when the first editor opens. */
import {
  acceptCompletion,
  autocompletion,
  type Completion,
  type CompletionSource,
  closeBrackets,
  closeBracketsKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { html } from '@codemirror/lang-html'
import { json, jsonParseLinter } from '@codemirror/lang-json'
import { closePercentBrace, liquid, liquidCompletionSource } from '@codemirror/lang-liquid'
import { bracketMatching, HighlightStyle, indentOnInput, type LanguageSupport, syntaxHighlighting } from '@codemirror/language'
import { type Diagnostic, forceLinting, linter, lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { Compartment, EditorState, type Extension } from '@codemirror/state'
import { EditorView, keymap, lineNumbers } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { propertiesAt, type VariableSource, variablesOf } from './code-variables.ts'
import { liquidFilters, liquidTags } from './liquid-words.ts'

/** What a field is written in. */
export type CodeLanguage = 'html' | 'json' | 'json-with-liquid'

/** A mistake that the server found in the text. Lines and columns count from 1. */
export interface CodeMistake {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** What an editor begins with. */
export interface CodeOptions {
  readonly language: CodeLanguage
  readonly value: string
  readonly attributes: Readonly<Record<string, string>>
  /** what is known of the data of messages; asked when a variable is completed */
  variables(): Promise<VariableSource>
  change(value: string): void
}

/** An editor. */
export interface CodeEditor {
  /** Begins with another text, or that of another field: what can be undone is forgotten. */
  reset(options: CodeOptions): void
  /** The text as it is now, its lines separated by \n. */
  text(): string
  /** Attributes of the text box, for assistive technology. */
  describe(attributes: CodeOptions['attributes']): void
  /** Underlines what the server found. */
  mark(mistake: CodeMistake | null): void
  /** Moves the focus into it, with this selection. */
  focus(from: number, to: number): void
  close(): void
}

/** The colours of the console, which change with the colour scheme by themselves. */
const colours = HighlightStyle.define([
  { tag: [tags.tagName, tags.angleBracket], color: 'var(--accent)' },
  { tag: [tags.keyword, tags.controlKeyword, tags.bool, tags.null, tags.operator], color: 'var(--bad)' },
  { tag: [tags.string, tags.attributeValue], color: 'var(--good)' },
  { tag: [tags.attributeName, tags.propertyName, tags.number, tags.function(tags.variableName)], color: 'var(--warn)' },
  { tag: [tags.brace, tags.squareBracket, tags.paren], color: 'var(--quiet)' },
  { tag: [tags.comment, tags.meta], color: 'var(--quiet)', fontStyle: 'italic' },
])

const theme = EditorView.theme({
  '&': { border: '1px solid var(--edge)', borderRadius: 'var(--radius)', background: 'var(--surface)', fontSize: '12px' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '1px' },
  '&:has([aria-invalid="true"])': { borderColor: 'var(--bad)' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.5', maxHeight: '420px', overflow: 'auto' },
  '.cm-content': { minHeight: 'var(--code-height, 58px)', padding: '4px 0', caretColor: 'var(--ink)' },
  '.cm-gutters': {
    background: 'var(--sunken)',
    color: 'var(--quiet)',
    borderRight: '1px solid var(--line)',
    minHeight: 'var(--code-height, 58px)',
  },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '24px', padding: '0 6px' },
  '&.cm-focused .cm-matchingBracket': { background: 'color-mix(in srgb, var(--accent) 22%, transparent)' },
  '&.cm-focused .cm-nonmatchingBracket': { background: 'color-mix(in srgb, var(--bad) 22%, transparent)' },
  '.cm-selectionMatch': { background: 'color-mix(in srgb, var(--accent) 16%, transparent)' },
  '.cm-searchMatch': { background: 'color-mix(in srgb, var(--warn) 24%, transparent)' },
  '.cm-searchMatch-selected': { background: 'color-mix(in srgb, var(--warn) 48%, transparent)' },
  '.cm-panels': { background: 'var(--sunken)', color: 'var(--ink)' },
  '.cm-panels-top': { borderBottom: '1px solid var(--line)', borderRadius: 'var(--radius) var(--radius) 0 0' },
  '.cm-panel.cm-search': {
    ...{ display: 'flex', flexWrap: 'wrap', gap: '6px', alignItems: 'center', padding: '8px 36px 8px 8px' },
    '& br': { flexBasis: '100%', content: '""', display: 'block', height: '0' },
    '& label': { display: 'inline-flex', alignItems: 'center', gap: '4px', fontSize: '12px' },
    '& input[type=checkbox]': { margin: '0' },
  },
  '.cm-textfield': {
    ...{ flex: '1 1 120px', width: 'auto', minHeight: '26px', margin: '0' },
    background: 'var(--surface)',
    fontSize: '12px',
  },
  '.cm-button': {
    ...{ background: 'var(--surface)', border: '1px solid var(--edge)', borderRadius: 'var(--radius)' },
    ...{ minHeight: '26px', padding: '0 8px', margin: '0', fontSize: '12px' },
  },
  '.cm-panel.cm-search [name=close]': {
    ...{ top: '4px', right: '4px', minHeight: '26px', width: '26px', fontSize: '16px', color: 'var(--ink)' },
  },
  '.cm-tooltip': {
    ...{ background: 'var(--surface)', color: 'var(--ink)', border: '1px solid var(--line)', borderRadius: 'var(--radius)' },
    ...{ boxShadow: '0 4px 16px rgb(0 0 0 / 0.2)', maxWidth: 'calc(100vw - 24px)', overflowWrap: 'anywhere' },
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxWidth: 'min(420px, calc(100vw - 24px))' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': { background: 'var(--accent)', color: 'var(--on-accent)' },
  '.cm-completionDetail': { fontStyle: 'normal', color: 'var(--quiet)', marginLeft: '12px' },
  '[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-tooltip.cm-completionInfo': { padding: '4px 8px' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
})

const options = (words: Readonly<Record<string, string>>, type: string): Completion[] =>
  Object.entries(words).map(([label, detail]) => ({ label, detail, type }))
const tagOptions = options(liquidTags, 'keyword')
const filterOptions = options(liquidFilters, 'function')
/** A name that can be written after a dot. */
const isWord = ([name]: [string, unknown]): boolean => /^[\p{L}_][\p{L}\p{N}_-]*$/u.test(name)

/** Completes tags, filters and variables. CodeMirror's own lists have tags that templates may not use: those are left out. */
const completed =
  (variables: CodeOptions['variables']): CompletionSource =>
  async (context) => {
    const all = variablesOf(await variables())
    if (context.aborted) return null
    const own = all.properties.get('data')?.properties
    const at = (path: readonly string[]): Completion[] =>
      propertiesAt(all, path, context.state.sliceDoc(0, context.pos))
        .filter(isWord)
        .map(([label, { detail, description }]) => ({
          ...{ label, detail, type: path.length === 0 ? 'variable' : 'property', boost: own?.has(label) === true ? 2 : 1 },
          ...(description === '' ? {} : { info: description }),
        }))
    const found = liquidCompletionSource({ tags: tagOptions, filters: filterOptions, variables: at([]), properties: at })(context)
    const isOurs = ({ type, detail, label }: Completion): boolean =>
      type === 'keyword'
        ? Object.hasOwn(liquidTags, label)
          ? detail !== undefined
          : /^(empty|in|forloop)$/.test(label)
        : type !== 'function' || detail !== undefined
    return found === null ? null : { ...found, options: found.options.filter(isOurs) }
  }

const withLiquid = (base: LanguageSupport, variables: CodeOptions['variables']): Extension => {
  const { language } = liquid({ base })
  return [language, base.support, language.data.of({ autocomplete: completed(variables) }), closePercentBrace]
}
const languages = {
  html: ({ variables }) => withLiquid(html(), variables),
  json: () => json(),
  'json-with-liquid': ({ variables }) => withLiquid(json(), variables),
} satisfies Record<CodeLanguage, (options: Pick<CodeOptions, 'variables'>) => Extension>

/** Creates an editor in `parent`, which need not be on the page yet. */
export function createCodeEditor(parent: HTMLElement, first: CodeOptions): CodeEditor {
  const box = new Compartment()
  let mistake: CodeMistake | null = null
  const attributesOf = (attributes: CodeOptions['attributes']): Extension =>
    box.of(EditorView.contentAttributes.of({ ...attributes }))

  /** Where the server found the mistake: to the end of the word. */
  function placed({ doc }: EditorState, { line, column, message }: CodeMistake): Diagnostic[] {
    if (line > doc.lines) return []
    const { from: start, to: end, text } = doc.line(line)
    const from = Math.min(start + Math.max(0, column - 1), end)
    const word = /^\W*\w*/.exec(text.slice(from - start))?.[0].length ?? 0
    return [{ from, to: Math.min(end, from + Math.max(1, word)), severity: 'error', message }]
  }
  const parse = jsonParseLinter()
  const lint = (language: CodeLanguage): Extension =>
    linter(
      (view) => {
        const found = mistake === null ? [] : placed(view.state, mistake)
        return language === 'html' || found.length > 0 || view.state.doc.toString().trim() === '' ? found : parse(view)
      },
      { delay: 250 },
    )

  const stateOf = ({ language, value, attributes, variables, change }: CodeOptions): EditorState =>
    EditorState.create({
      doc: value,
      extensions: [
        [lineNumbers(), history(), indentOnInput(), bracketMatching(), closeBrackets()],
        [highlightSelectionMatches(), search({ top: true }), syntaxHighlighting(colours), theme, EditorView.lineWrapping],
        languages[language]({ variables }),
        autocompletion({ icons: false }),
        lint(language),
        keymap.of([
          ...[...closeBracketsKeymap, ...lintKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap],
          ...[{ key: 'Tab', run: acceptCompletion }, indentWithTab],
        ]),
        attributesOf(attributes),
        EditorView.updateListener.of(({ docChanged, state }) => {
          if (docChanged) change(state.doc.toString())
        }),
      ],
    })

  const view = new EditorView({ parent, state: stateOf(first) })
  return {
    reset(options) {
      mistake = null
      view.setState(stateOf(options))
    },
    text: () => view.state.doc.toString(),
    describe: (attributes) => view.dispatch({ effects: box.reconfigure(EditorView.contentAttributes.of({ ...attributes })) }),
    mark(found) {
      mistake = found
      forceLinting(view)
    },
    focus(from, to) {
      view.focus()
      const at = (place: number): number => Math.min(place, view.state.doc.length)
      view.dispatch({ selection: { anchor: at(from), head: at(to) }, scrollIntoView: true })
    },
    close: () => view.destroy(),
  }
}
