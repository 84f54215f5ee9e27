/** Styles of the frame: menu, page header, toasts. */
import { css } from 'lit'

export const frame = css`
  #console {
    display: grid;
    grid-template-columns: var(--bar) minmax(0, 1fr);
    min-height: 100dvh;
  }
  /* What the credential is not good for is not offered. */
  [data-lacks~='SEND'] [data-needs='SEND'],
  [data-lacks~='MANAGE'] [data-needs='MANAGE'],
  [data-lacks~='KEYS'] [data-needs='KEYS'] {
    display: none !important;
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
  .find {
    justify-content: space-between;
    padding: 0 8px;
    color: var(--quiet);
    font-weight: 400;
  }
  kbd {
    font-family: var(--mono);
    font-size: 12px;
  }
  .palette {
    display: grid;
    gap: 8px;
  }
  .palette ul {
    max-height: min(420px, 55dvh);
    overflow: auto;
  }
  .palette .group {
    padding: 8px 8px 2px;
    font-size: 12px;
    color: var(--quiet);
  }
  .palette [role='option'] {
    display: flex;
    justify-content: space-between;
    gap: 12px;
    padding: 6px 8px;
    border-radius: var(--radius);
    cursor: pointer;
    overflow-wrap: anywhere;
  }
  .palette [aria-selected='true'] {
    background: color-mix(in srgb, var(--accent) 13%, var(--surface));
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
  .away {
    position: sticky;
    top: 8px;
    z-index: 4;
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
