/** Two texts side by side; one below the other where there is no room. */
import { css } from 'lit'

export const sides = css`
  .compared {
    display: grid;
    gap: 4px;
    margin-top: 12px;
  }
  .compared h3 {
    font-size: 13px;
    font-weight: 600;
    overflow-wrap: anywhere;
  }
  table.sides {
    width: 100%;
    table-layout: fixed;
    border-collapse: collapse;
    border: 1px solid var(--line);
    background: var(--surface);
  }
  table.sides th {
    padding: 2px 8px;
    border-bottom: 1px solid var(--line);
    font-size: 12px;
    text-align: left;
    color: var(--quiet);
  }
  table.sides td {
    padding: 0 8px;
    border: 0;
    font: 13px / 1.5 var(--mono);
    vertical-align: top;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
  table.sides td + td,
  table.sides th + th {
    border-left: 1px solid var(--line);
  }
  table.sides .was {
    background: color-mix(in srgb, var(--bad) 9%, var(--surface));
  }
  table.sides .is {
    background: color-mix(in srgb, var(--good) 9%, var(--surface));
  }
  table.sides .none,
  table.sides .skipped td {
    background: var(--sunken);
    color: var(--quiet);
  }
  table.sides del,
  table.sides ins {
    text-decoration: none;
  }
`
