/** How the kit's parts look: the frame, tables, badges, panels, forms. */
import { css } from 'lit'

/** The frame around the pages. */
export const frame = css`
  #console {
    display: grid;
    grid-template-columns: var(--bar) minmax(0, 1fr);
    min-height: 100dvh;
  }
  .skip {
    position: fixed;
    left: 8px;
    top: -60px;
    z-index: 9;
    padding: 8px 12px;
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
  }
  .skip:focus {
    top: 8px;
  }
  .bar {
    position: sticky;
    top: 0;
    align-self: start;
    height: 100dvh;
    overflow: auto;
    display: flex;
    flex-direction: column;
    gap: 12px;
    padding: 12px;
    border-right: 1px solid var(--line);
    background: var(--surface);
  }
  .brand {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 32px;
    padding: 0 8px;
    font-weight: 650;
  }
  .brand svg {
    color: var(--accent);
    flex: none;
  }
  .brand button {
    display: none;
    margin-left: auto;
  }
  .menu {
    display: flex;
    flex-direction: column;
    gap: 12px;
    flex: 1;
  }
  .menu nav {
    display: grid;
    gap: 14px;
  }
  .menu h2 {
    padding: 0 8px 2px;
    font-size: 12px;
    font-weight: 500;
    color: var(--quiet);
  }
  .menu a {
    display: block;
    padding: 4px 8px;
    border-radius: var(--radius);
    color: var(--ink);
  }
  .menu a:hover {
    background: var(--sunken);
    text-decoration: none;
  }
  .menu a[aria-current] {
    background: color-mix(in srgb, var(--accent) 13%, var(--surface));
    color: var(--accent);
    font-weight: 550;
  }
  .foot {
    display: grid;
    gap: 8px;
    margin-top: auto;
    padding-top: 12px;
    border-top: 1px solid var(--line);
    font-size: 13px;
  }
  .foot > * {
    padding: 0 8px;
  }
  main {
    display: flex;
    flex-direction: column;
    gap: 16px;
    width: 100%;
    max-width: 1180px;
    padding: 16px 24px 64px;
  }
  .head {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 12px;
    min-height: 32px;
  }
  .head .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin-left: auto;
  }
  .crumb {
    flex-basis: 100%;
    font-size: 13px;
  }
  .toasts {
    position: fixed;
    right: 16px;
    bottom: 16px;
    z-index: 8;
    display: grid;
    gap: 8px;
    max-width: min(420px, calc(100vw - 32px));
  }
  .toast {
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 8px 8px 8px 14px;
    border: 1px solid var(--line);
    border-left: 4px solid var(--good);
    border-radius: var(--radius);
    background: var(--surface);
    box-shadow: 0 6px 20px rgb(0 0 0 / 0.18);
    overflow-wrap: anywhere;
  }
  .toast.bad {
    border-left-color: var(--bad);
  }
  .toast button {
    margin-left: auto;
  }
  @media (max-width: 760px) {
    #console {
      grid-template-columns: minmax(0, 1fr);
      grid-template-rows: auto 1fr;
    }
    .bar {
      height: auto;
      max-height: 100dvh;
      padding: 8px 12px;
      border-right: 0;
      border-bottom: 1px solid var(--line);
      z-index: 5;
    }
    .brand {
      padding: 0 4px;
    }
    .brand button {
      display: inline-flex;
    }
    .bar:not(.open) .menu {
      display: none;
    }
    .menu section ul {
      display: grid;
      grid-template-columns: 1fr 1fr;
    }
    .menu a {
      padding: 8px;
    }
    main {
      padding: 12px 12px 64px;
    }
    .head .actions {
      margin-left: 0;
    }
  }
`

/** Tables, badges, panels. */
export const parts = css`
  .panel {
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--surface);
    min-width: 0;
  }
  .panel > header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
    min-height: 44px;
    padding: 8px 16px;
    border-bottom: 1px solid var(--line);
  }
  .panel > header > .end {
    margin-left: auto;
    display: flex;
    gap: 8px;
    align-items: center;
  }
  .panel > .body {
    display: grid;
    gap: 12px;
    padding: 12px 16px 16px;
    min-width: 0;
  }
  .columns {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(340px, 100%), 1fr));
    gap: 16px;
    align-items: start;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 13px;
  }
  caption {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  th {
    padding: 8px 12px;
    text-align: left;
    font-weight: 500;
    color: var(--quiet);
    white-space: nowrap;
    border-bottom: 1px solid var(--line);
  }
  td {
    padding: 7px 12px;
    vertical-align: top;
    border-bottom: 1px solid var(--line);
    overflow-wrap: anywhere;
  }
  td:first-child {
    min-width: 132px;
  }
  td time {
    white-space: nowrap;
  }
  tbody tr {
    position: relative;
  }
  tbody tr:last-child td {
    border-bottom: 0;
  }
  tbody tr:has(a.row):hover {
    background: var(--sunken);
  }
  a.row::after {
    content: '';
    position: absolute;
    inset: 0;
  }
  td button,
  td a:not(.row) {
    position: relative;
    z-index: 1;
  }
  th.number,
  td.number {
    text-align: right;
  }
  td.time,
  td.keep {
    white-space: nowrap;
  }
  td.act {
    text-align: right;
    white-space: nowrap;
    padding-top: 4px;
    padding-bottom: 4px;
  }
  td .sub {
    display: block;
    color: var(--quiet);
  }
  tr.fresh {
    animation: fresh 2.5s ease-out;
  }
  @keyframes fresh {
    from {
      background: color-mix(in srgb, var(--accent) 20%, var(--surface));
    }
  }
  .quiet {
    color: var(--quiet);
  }
  .small {
    font-size: 13px;
  }
  .unbroken {
    white-space: nowrap;
  }
  .badges {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 6px;
  }
  .badge {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    padding: 0 7px;
    border-radius: 10px;
    font-size: 12px;
    line-height: 20px;
    white-space: nowrap;
    color: var(--tone, var(--quiet));
    background: color-mix(in srgb, var(--tone, var(--quiet)) 11%, var(--surface));
  }
  .badge::before {
    content: '';
    width: 6px;
    height: 6px;
    border-radius: 50%;
    background: currentColor;
  }
  .badge.bare::before {
    display: none;
  }
  .good {
    --tone: var(--good);
  }
  .bad {
    --tone: var(--bad);
  }
  .warn {
    --tone: var(--warn);
  }
  .live {
    --tone: var(--accent);
  }
  .notice {
    padding: 10px 14px;
    border: 1px solid color-mix(in srgb, var(--tone, var(--edge)) 40%, var(--surface));
    border-left: 4px solid var(--tone, var(--edge));
    border-radius: var(--radius);
    background: var(--surface);
    overflow-wrap: anywhere;
  }
  .notice strong {
    font-weight: 600;
  }
  .notice p + p {
    margin-top: 4px;
  }
  .notice button {
    margin-top: 8px;
  }
  .empty {
    display: grid;
    justify-items: center;
    gap: 8px;
    padding: 48px 16px;
    text-align: center;
    color: var(--quiet);
  }
  .empty h2 {
    color: var(--ink);
  }
  .empty p {
    max-width: 56ch;
  }
  .wait {
    display: grid;
    gap: 12px;
    padding: 16px;
  }
  .wait i {
    height: 14px;
    border-radius: 4px;
    background: var(--sunken);
    animation: wait 1.2s ease-in-out infinite alternate;
  }
  .wait i:nth-child(3n) {
    width: 60%;
  }
  .wait i:nth-child(3n + 1) {
    width: 85%;
  }
  @keyframes wait {
    to {
      background: var(--line);
    }
  }
  dl.facts {
    display: grid;
    grid-template-columns: minmax(96px, max-content) minmax(0, 1fr);
    gap: 6px 16px;
    font-size: 13px;
  }
  dl.facts dt {
    color: var(--quiet);
  }
  dl.facts dd {
    overflow-wrap: anywhere;
  }
  .pager {
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 8px 12px;
    border-top: 1px solid var(--line);
  }
  .pager .count {
    margin-right: auto;
  }
  .tabs {
    display: flex;
    gap: 4px;
    overflow-x: auto;
    border-bottom: 1px solid var(--line);
  }
  .tabs.wrap {
    flex-wrap: wrap;
    gap: 0;
  }
  .tabs a,
  .tabs button {
    min-height: 36px;
    padding: 7px 12px;
    border: 0;
    border-bottom: 2px solid transparent;
    border-radius: 0;
    background: none;
    color: var(--quiet);
    font-weight: 500;
    white-space: nowrap;
  }
  .tabs .dot {
    width: 6px;
    height: 6px;
    margin-left: -2px;
  }
  .tabs a:hover,
  .tabs button:hover {
    color: var(--ink);
    text-decoration: none;
  }
  .tabs [aria-current='page'],
  .tabs [aria-pressed='true'] {
    color: var(--accent);
    border-bottom-color: var(--accent);
  }
  progress {
    width: 100%;
    height: 10px;
    appearance: none;
    border: 1px solid var(--line);
    border-radius: 5px;
    background: var(--sunken);
    overflow: hidden;
  }
  progress::-webkit-progress-bar {
    background: var(--sunken);
  }
  progress::-webkit-progress-value {
    background: var(--accent);
    transition: inline-size 0.2s;
  }
  progress::-moz-progress-bar {
    background: var(--accent);
  }
  button.link {
    min-height: 0;
    padding: 0;
    border: 0;
    background: none;
    color: var(--accent);
    font-weight: 400;
    white-space: normal;
    text-align: left;
    overflow-wrap: anywhere;
  }
  button.link:hover {
    background: none;
    text-decoration: underline;
  }
  .plain-list {
    display: grid;
    gap: 6px;
  }
  @media (max-width: 760px) {
    .minor {
      display: none;
    }
    th,
    td {
      padding-left: 10px;
      padding-right: 10px;
    }
    .panel > header,
    .panel > .body {
      padding-left: 12px;
      padding-right: 12px;
    }
  }
  @media (min-width: 761px) {
    .narrow {
      display: none !important;
    }
  }
`

/** Forms and what dialogs hold. */
export const forms = css`
  form,
  .form {
    display: grid;
    gap: 12px;
  }
  form.panel {
    gap: 0;
  }
  .filters > button {
    min-height: 32px;
  }
  .field {
    display: grid;
    gap: 4px;
    min-width: 0;
  }
  .field > label,
  .field > .label {
    font-size: 13px;
    font-weight: 500;
  }
  .field .hint {
    font-size: 12px;
    color: var(--quiet);
  }
  .field .wrong {
    font-size: 13px;
    color: var(--bad);
  }
  .check {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 24px;
  }
  .pair {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(180px, 100%), 1fr));
    gap: 12px;
    align-items: start;
  }
  .filters {
    display: flex;
    flex-wrap: wrap;
    align-items: end;
    gap: 8px 12px;
  }
  .filters .field {
    flex: 1 1 150px;
    max-width: 260px;
  }
  .filters .field.search {
    flex: 2 1 240px;
    max-width: 420px;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
  }
  fieldset {
    min-width: 0;
    margin: 0;
    padding: 8px 12px 12px;
    border: 1px solid var(--line);
    border-radius: var(--radius);
  }
  legend {
    padding: 0 4px;
    font-size: 13px;
    font-weight: 500;
  }
  .condition {
    display: grid;
    gap: 10px;
  }
  .filters.test .field {
    flex-basis: 130px;
  }
  .buttons.end {
    justify-content: flex-end;
  }
  details > summary {
    cursor: pointer;
    min-height: 32px;
    padding: 5px 0;
    color: var(--accent);
    font-weight: 500;
    font-size: 13px;
  }
  dialog > .top {
    display: flex;
    align-items: center;
    gap: 12px;
    padding: 12px 12px 12px 16px;
    border-bottom: 1px solid var(--line);
  }
  dialog > .top button {
    margin-left: auto;
  }
  dialog > .inside {
    display: grid;
    gap: 12px;
    padding: 16px;
  }
  .secret {
    padding: 10px 12px;
    background: var(--sunken);
    border-radius: var(--radius);
    font-family: var(--mono);
    font-size: 13px;
    overflow-wrap: anywhere;
    user-select: all;
  }
`

/** What single pages have of their own. */
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
