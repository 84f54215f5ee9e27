/** Styles of panels, tables, badges, notices and placeholders. */
import { css } from 'lit'

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
  caption,
  .unseen {
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
    overflow-wrap: break-word;
  }
  td .sub {
    overflow-wrap: anywhere;
  }
  .whole {
    white-space: nowrap;
  }
  td:first-child:not(.pick),
  td.pick + td,
  td.who,
  td.id {
    min-width: 132px;
  }
  td.brief:first-child {
    min-width: 0;
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
  th.pick,
  td.pick {
    width: 1%;
    padding-right: 0;
  }
  td.pick input,
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
  .bulk {
    position: sticky;
    top: 8px;
    z-index: 3;
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
    padding: 6px 12px;
    border: 1px solid var(--accent);
    border-radius: var(--radius);
    background: var(--surface);
    font-size: 13px;
  }
  .bulk > span {
    margin-right: auto;
  }
  button.icon {
    min-height: 20px;
    padding: 0 4px;
    border: 0;
    background: none;
    color: var(--quiet);
    vertical-align: -2px;
  }
  button.icon:hover {
    color: var(--ink);
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
  th button.link {
    color: inherit;
    font-weight: inherit;
    white-space: nowrap;
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
    td {
      overflow-wrap: anywhere;
    }
    .whole {
      display: inline-block;
      max-width: 44vw;
      overflow: hidden;
      text-overflow: ellipsis;
      vertical-align: bottom;
    }
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
