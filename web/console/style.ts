/** The base style sheet. It is constructed in script, so that the page needs no inline styles. Each colour is a light-dark() pair. */
import { css } from 'lit'

/** Colours, sizes and plain elements. */
export const base = css`
  :root {
    color-scheme: light dark;
    --canvas: light-dark(#f5f6f8, #0f1115);
    --surface: light-dark(#ffffff, #171a20);
    --sunken: light-dark(#f0f2f5, #12151a);
    --line: light-dark(#dfe3e8, #2a2f38);
    --edge: light-dark(#868f9d, #6d7684);
    --ink: light-dark(#1a1f27, #e6e9ee);
    --quiet: light-dark(#566070, #9da7b5);
    --accent: light-dark(#3253c7, #93a9ff);
    --on-accent: light-dark(#ffffff, #0f1115);
    --good: light-dark(#16693a, #6fcf97);
    --bad: light-dark(#b3261e, #ff938a);
    --warn: light-dark(#855600, #e8b85c);
    --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
    --radius: 6px;
    --bar: 208px;
    font: 14px / 1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
    font-variant-numeric: tabular-nums;
    color: var(--ink);
    background: var(--canvas);
    -webkit-text-size-adjust: 100%;
  }
  *,
  ::before,
  ::after {
    box-sizing: border-box;
  }
  body {
    margin: 0;
    min-width: 320px;
  }
  h1,
  h2,
  h3,
  p,
  dl,
  dd,
  ol,
  ul,
  figure {
    margin: 0;
    padding: 0;
  }
  ol,
  ul {
    list-style: none;
  }
  h1 {
    font-size: 20px;
    line-height: 28px;
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  h1:focus {
    outline: none;
  }
  h2 {
    font-size: 15px;
    line-height: 20px;
    font-weight: 600;
  }
  h3 {
    font-size: 13px;
    line-height: 20px;
    font-weight: 600;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  .text a {
    text-decoration: underline;
  }
  code,
  pre,
  .mono {
    font-family: var(--mono);
    font-size: 12px;
  }
  pre {
    margin: 0;
    padding: 8px 12px;
    background: var(--sunken);
    border-radius: var(--radius);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
    max-height: 320px;
    overflow: auto;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  button,
  input,
  select,
  textarea {
    font: inherit;
    color: inherit;
    letter-spacing: inherit;
  }
  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 32px;
    padding: 0 12px;
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    background: var(--surface);
    color: var(--ink);
    font-weight: 500;
    white-space: nowrap;
    cursor: pointer;
  }
  button:hover,
  .button:hover {
    background: var(--sunken);
    text-decoration: none;
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  button.primary,
  .button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
  }
  button.primary:hover:not(:disabled),
  .button.primary:hover {
    background: color-mix(in srgb, var(--accent) 88%, var(--ink));
  }
  button.danger {
    color: var(--bad);
    border-color: color-mix(in srgb, var(--bad) 60%, var(--surface));
  }
  button.danger.primary {
    background: light-dark(#b3261e, #ff938a);
    border-color: transparent;
    color: var(--on-accent);
  }
  button.small {
    min-height: 26px;
    padding: 0 8px;
    font-size: 13px;
  }
  button.plain {
    border-color: transparent;
    background: none;
    color: var(--accent);
  }
  button.plain:hover {
    background: var(--sunken);
  }
  input:not([type='checkbox'], [type='radio']),
  select,
  textarea {
    width: 100%;
    min-height: 32px;
    padding: 4px 8px;
    border: 1px solid var(--edge);
    border-radius: var(--radius);
    background: var(--surface);
  }
  textarea {
    display: block;
    resize: vertical;
    line-height: 1.5;
    field-sizing: content;
    min-height: 58px;
    max-height: 420px;
  }
  input[type='checkbox'] {
    width: 16px;
    height: 16px;
    margin: 0;
    accent-color: var(--accent);
  }
  input[aria-invalid='true'],
  textarea[aria-invalid='true'] {
    border-color: var(--bad);
  }
  ::placeholder {
    color: var(--quiet);
    opacity: 1;
  }
  dialog {
    width: min(520px, calc(100vw - 32px));
    max-height: calc(100dvh - 64px);
    padding: 0;
    border: 1px solid var(--line);
    border-radius: 10px;
    background: var(--surface);
    color: var(--ink);
    box-shadow: 0 16px 48px rgb(0 0 0 / 0.3);
    overflow: auto;
  }
  dialog.wide {
    width: min(760px, calc(100vw - 32px));
  }
  dialog.full {
    width: calc(100vw - 32px);
    max-width: none;
    max-height: calc(100dvh - 32px);
  }
  dialog::backdrop {
    background: rgb(10 12 16 / 0.5);
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    ::before,
    ::after {
      animation-duration: 0s !important;
      transition-duration: 0s !important;
    }
  }
`
