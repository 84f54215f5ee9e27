/** Styles of single pages. */
import { css } from 'lit'

export const details = css`
  .door {
    width: min(420px, 100%);
    margin: 12vh auto 0;
    grid-column: 1 / -1;
  }
  .steps {
    display: grid;
    font-size: 13px;
  }
  .step {
    position: relative;
    display: flex;
    gap: 12px;
    justify-content: space-between;
    padding: 0 0 12px 18px;
  }
  .step::before {
    content: '';
    position: absolute;
    left: 1px;
    top: 5px;
    width: 9px;
    height: 9px;
    border-radius: 50%;
    background: var(--tone, var(--edge));
  }
  .step.attempt::before {
    background: var(--surface);
    border: 2px solid var(--tone, var(--edge));
  }
  .step:not(:last-child)::after {
    content: '';
    position: absolute;
    left: 5px;
    top: 17px;
    bottom: -3px;
    width: 1px;
    background: var(--line);
  }
  .step > span {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  .step .sub {
    display: block;
    color: var(--tone);
  }
  .step pre {
    margin-top: 4px;
    max-height: 120px;
  }
  .step time {
    flex: none;
    color: var(--quiet);
  }
  .card {
    display: grid;
    gap: 4px;
    justify-items: start;
    padding: 10px 12px;
    border: 1px solid var(--line);
    border-radius: 8px;
  }
  .card .body {
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .dot {
    width: 8px;
    height: 8px;
    flex: none;
    border-radius: 50%;
    background: var(--accent);
  }
  .columns.editor {
    grid-template-columns: repeat(auto-fit, minmax(min(400px, 100%), 1fr));
  }
  .columns.editor > .panel {
    position: sticky;
    top: 16px;
    max-height: calc(100dvh - 32px);
    overflow: auto;
  }
  .previewed {
    display: grid;
    gap: 8px;
    padding-top: 12px;
    border-top: 1px solid var(--line);
  }
  .card.row-like {
    display: flex;
    align-items: start;
    justify-content: space-between;
  }
  .card.row-like .dot {
    margin: 6px 4px 0 0;
  }
  .card.row-like > div {
    flex: 1;
    min-width: 0;
  }
  .card.push {
    max-width: 380px;
    border-radius: 14px;
    background: var(--sunken);
  }
  .languages [aria-pressed='true'] {
    border-color: var(--accent);
    color: var(--accent);
  }
  .choices {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 20px;
    font-size: 13px;
  }
  .bubble {
    justify-self: start;
    max-width: 44ch;
    padding: 8px 14px;
    border-radius: 16px 16px 16px 4px;
    background: var(--sunken);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  li.entry {
    display: flex;
    justify-content: space-between;
    gap: 16px;
    padding: 12px 16px;
    border-bottom: 1px solid var(--line);
  }
  li.entry:last-child {
    border-bottom: 0;
  }
  li.entry > div {
    display: grid;
    gap: 4px;
    min-width: 0;
    overflow-wrap: anywhere;
  }
  li.entry > time {
    flex: none;
    color: var(--quiet);
    font-size: 13px;
  }
  li.entry.unread {
    box-shadow: inset 3px 0 var(--accent);
  }
  .box {
    display: grid;
    grid-template-columns: minmax(240px, 2fr) minmax(0, 3fr);
  }
  .box > ol {
    border-right: 1px solid var(--line);
    max-height: 640px;
    overflow: auto;
  }
  a.entry {
    display: grid;
    grid-template-columns: minmax(0, 1fr) auto;
    gap: 2px 12px;
    padding: 8px 12px;
    border-bottom: 1px solid var(--line);
    color: var(--ink);
  }
  a.entry:hover {
    background: var(--sunken);
    text-decoration: none;
  }
  a.entry.open {
    background: color-mix(in srgb, var(--accent) 11%, var(--surface));
  }
  a.entry .to,
  a.entry .gist {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  a.entry .gist {
    grid-column: 1 / -1;
  }
  .box > section > header {
    display: flex;
    gap: 12px;
    padding: 12px 16px 0;
  }
  .box > section > header .end {
    margin-left: auto;
    white-space: nowrap;
  }
  .box > section > .body {
    display: grid;
    gap: 12px;
    padding: 12px 16px 16px;
  }
  @media (max-width: 760px) {
    .box {
      grid-template-columns: minmax(0, 1fr);
    }
    .columns.editor > .panel {
      position: static;
      max-height: none;
    }
    .box > ol {
      max-height: 260px;
      border-right: 0;
      border-bottom: 1px solid var(--line);
    }
  }
  .changes,
  .change {
    display: grid;
    gap: 12px;
  }
  .change {
    gap: 4px;
  }
  .change h3 {
    font-size: 13px;
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  .change del,
  .change ins {
    max-height: 320px;
    overflow: auto;
    padding: 4px 10px;
    border-left: 3px solid var(--tone);
    background: color-mix(in srgb, var(--tone) 9%, var(--surface));
    font: 13px / 1.5 var(--mono);
    text-decoration: none;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  .change del {
    --tone: var(--bad);
  }
  .change ins {
    --tone: var(--good);
  }
  .modes {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 16px;
  }
  .modes .buttons {
    gap: 4px;
  }
  .modes [aria-pressed='true'] {
    border-color: var(--accent);
    color: var(--accent);
  }
  .frames {
    position: relative;
    height: 440px;
    min-height: 120px;
    overflow: hidden;
    resize: vertical;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: var(--sunken);
  }
  dialog .frames {
    height: calc(100dvh - 220px);
  }
  .frames iframe {
    position: absolute;
    top: 0;
    border: 0;
    background: #ffffff;
    transform-origin: 0 0;
  }
  .frames iframe:not(.shown) {
    opacity: 0;
    pointer-events: none;
  }
  iframe.email {
    width: 100%;
    height: 200px;
    resize: vertical;
    border: 1px solid var(--line);
    border-radius: var(--radius);
    background: #ffffff;
    color-scheme: light;
  }
`
