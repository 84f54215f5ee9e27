/** The element's style sheet. Pages change it through custom properties and parts. */
import { css } from 'lit'

const dark = css`
  --_bg: var(--carillon-background, #17191f);
  --_hover: var(--carillon-hover, #20242c);
  --_text: var(--carillon-text, #eceef2);
  --_muted: var(--carillon-muted, #a3abb8);
  --_line: var(--carillon-border, #2c313b);
  --_accent: var(--carillon-accent, #91a7ff);
  --_on-accent: var(--carillon-on-accent, #10131c);
  --_unread: var(--carillon-unread, #1d2230);
  --_badge: var(--carillon-badge, #ff8787);
  --_on-badge: var(--carillon-on-badge, #1c0c0c);
  --_shadow: var(--carillon-shadow, 0 16px 48px rgb(0 0 0 / 0.6), 0 2px 8px rgb(0 0 0 / 0.4));
  --_tint: 25%;
  color-scheme: dark;
`

export const style = css`
  :host {
    --_bg: var(--carillon-background, #fff);
    --_hover: var(--carillon-hover, #f4f6f9);
    --_text: var(--carillon-text, #1a1d24);
    --_muted: var(--carillon-muted, #596273);
    --_line: var(--carillon-border, #e3e7ee);
    --_accent: var(--carillon-accent, #3b5bdb);
    --_on-accent: var(--carillon-on-accent, #fff);
    --_unread: var(--carillon-unread, #f3f6ff);
    --_badge: var(--carillon-badge, #d3302f);
    --_on-badge: var(--carillon-on-badge, #fff);
    --_shadow: var(--carillon-shadow, 0 16px 48px rgb(20 28 50 / 0.18), 0 2px 8px rgb(20 28 50 / 0.08));
    --_radius: var(--carillon-radius, 14px);
    --_tint: 82%;
    color-scheme: light;
    display: inline-block;
    font-family: var(--carillon-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans KR', sans-serif);
    font-size: var(--carillon-font-size, 14px);
    line-height: 1.45;
    color: var(--_text);
    -webkit-text-size-adjust: 100%;
  }
  @media (prefers-color-scheme: dark) {
    :host(:not([theme='light'])) { ${dark} }
  }
  :host([theme='dark']) { ${dark} }
  :host([mode='inline']) { display: block; height: var(--carillon-height, 560px); }
  :host([hidden]) { display: none; }
  *, *::before, *::after { box-sizing: border-box; }
  h2, h3, p, fieldset { margin: 0; padding: 0; border: 0; font-size: inherit; min-width: 0; }
  button, select, input { font: inherit; color: inherit; }
  button { background: none; border: 0; padding: 0; cursor: pointer; -webkit-tap-highlight-color: transparent; }
  svg { display: block; flex: none; }
  :focus { outline: none; }
  :focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
  .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .muted { color: var(--_muted); }

  .bell { position: relative; display: grid; place-items: center; width: 40px; height: 40px; border-radius: 50%; color: var(--carillon-bell, currentColor); transition: background 0.15s; }
  .bell:hover, .bell[aria-expanded='true'] { background: color-mix(in srgb, currentColor 10%, transparent); }
  .badge { position: absolute; inset-block-start: 2px; inset-inline-end: 0; min-width: 18px; height: 18px; padding: 0 5px; border-radius: 9px; background: var(--_badge); color: var(--_on-badge); font-size: 11px; font-weight: 700; line-height: 18px; text-align: center; font-variant-numeric: tabular-nums; }

  .panel { display: flex; flex-direction: column; width: var(--carillon-width, 400px); max-width: 100vw; height: var(--carillon-height, 560px); margin: 0; padding: 0; border: 1px solid var(--_line); border-radius: var(--_radius); background: var(--_bg); color: var(--_text); overflow: hidden; }
  :host([mode='inline']) .panel { width: 100%; height: 100%; }
  .panel.floats { position: fixed; inset: auto; left: var(--_x, 0); top: var(--_y, 0); height: min(var(--carillon-height, 560px), var(--_room, 100vh)); z-index: 2147483000; box-shadow: var(--_shadow); animation: appear 0.14s ease-out; }
  .panel.floats[popover]:not(:popover-open) { display: none; }
  @keyframes appear { from { opacity: 0; transform: translateY(-4px); } }
  @media (max-width: 480px) {
    .panel.floats { left: 0; top: 0; width: 100vw; height: 100vh; height: 100dvh; border: 0; border-radius: 0; }
  }

  header { display: flex; align-items: center; gap: 2px; padding: 12px 8px 8px 16px; flex: none; }
  header:dir(rtl) { padding: 12px 16px 8px 8px; }
  header h2 { flex: 1; font-size: 1.15em; font-weight: 650; letter-spacing: -0.01em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  header .total { margin-inline-start: 6px; color: var(--_muted); font-weight: 500; font-size: 0.87em; font-variant-numeric: tabular-nums; }
  .tool { display: grid; place-items: center; width: 32px; height: 32px; border-radius: 8px; color: var(--_muted); flex: none; }
  .tool:hover { background: var(--_hover); color: var(--_text); }
  .tool:disabled { opacity: 0.4; cursor: default; background: none; }
  .back:dir(rtl) svg { transform: scaleX(-1); }

  .tabs { display: flex; gap: 4px; padding: 0 12px; border-bottom: 1px solid var(--_line); overflow-x: auto; scrollbar-width: none; flex: none; }
  .tab { position: relative; display: flex; align-items: center; gap: 6px; padding: 8px 6px 10px; color: var(--_muted); font-weight: 550; white-space: nowrap; }
  .tab:hover { color: var(--_text); }
  .tab[aria-selected='true'] { color: var(--_text); }
  .tab[aria-selected='true']::after { content: ''; position: absolute; inset-inline: 4px; bottom: -1px; height: 2px; border-radius: 2px; background: var(--_accent); }
  .tab:focus-visible { outline-offset: -3px; border-radius: 8px; }
  .tab .n { min-width: 18px; padding: 0 5px; border-radius: 9px; background: var(--_hover); color: var(--_text); font-size: 11px; line-height: 18px; text-align: center; font-variant-numeric: tabular-nums; }
  .filters { display: flex; flex-wrap: wrap; gap: 6px; padding: 8px 14px; flex: none; }
  .filter { padding: 3px 11px; border: 1px solid var(--_line); border-radius: 999px; color: var(--_muted); font-size: 0.9em; }
  .filter:hover { color: var(--_text); border-color: var(--_muted); }
  .filter[aria-pressed='true'] { background: var(--_text); border-color: var(--_text); color: var(--_bg); }

  .banner { display: flex; align-items: center; gap: 10px; padding: 8px 16px; background: var(--_hover); color: var(--_text); font-size: 0.92em; flex: none; }
  .banner span { flex: 1; }
  .banner button { color: var(--_accent); font-weight: 600; }
  .wrap { position: relative; flex: 1; min-height: 0; display: flex; flex-direction: column; }
  .scroll { flex: 1; min-height: 0; overflow-y: auto; overscroll-behavior: contain; overflow-anchor: none; scrollbar-width: thin; scrollbar-color: var(--_line) transparent; }
  .scroll:focus-visible { outline-offset: -2px; }

  .row { position: relative; display: flex; gap: 12px; padding: 12px 16px; border-bottom: 1px solid var(--_line); cursor: pointer; overflow-wrap: anywhere; contain: layout style; }
  .row > slot { display: block; flex: 1; min-width: 0; }
  .row.is-high, .row.is-critical { box-shadow: inset 3px 0 var(--_level); }
  .row.is-high:dir(rtl), .row.is-critical:dir(rtl) { box-shadow: inset -3px 0 var(--_level); }
  .row.is-high { --_level: var(--carillon-high, #e8890c); }
  .row.is-critical { --_level: var(--carillon-critical, var(--_badge)); }
  .is-critical h3 { color: var(--_level); }
  .row.is-low .icon { opacity: 0.75; }
  .row:hover { background: var(--_hover); }
  .row.is-unread { background: var(--_unread); }
  .row.is-unread:hover { background: color-mix(in srgb, var(--_accent) 5%, var(--_unread)); }
  .row:focus-visible { outline-offset: -2px; }
  .icon { display: grid; place-items: center; width: 38px; height: 38px; border-radius: 50%; overflow: hidden; flex: none; font-weight: 650; font-size: 15px; background: hsl(var(--_hue) 60% 88%); color: hsl(var(--_hue) 55% 28%); }
  .icon { background: hsl(var(--_hue) 45% var(--_tint)); }
  :host([theme='dark']) .icon { color: hsl(var(--_hue) 70% 84%); }
  @media (prefers-color-scheme: dark) { :host(:not([theme='light'])) .icon { color: hsl(var(--_hue) 70% 84%); } }
  .icon img { width: 100%; height: 100%; object-fit: cover; }
  .tint-0 { --_hue: 226; } .tint-1 { --_hue: 262; } .tint-2 { --_hue: 320; } .tint-3 { --_hue: 4; }
  .tint-4 { --_hue: 28; } .tint-5 { --_hue: 150; } .tint-6 { --_hue: 178; } .tint-7 { --_hue: 200; }
  .content { flex: 1; min-width: 0; }
  .content h3 { font-weight: 500; padding-inline-end: 18px; }
  .is-unread h3 { font-weight: 650; }
  .content p { color: var(--_muted); margin-top: 1px; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; white-space: pre-line; }
  .link { color: inherit; text-decoration: none; }
  .row:hover .link { text-decoration: underline; text-decoration-color: var(--_muted); text-underline-offset: 3px; }
  .count { color: var(--_muted); font-weight: 500; font-variant-numeric: tabular-nums; }
  time { display: block; margin-top: 3px; color: var(--_muted); font-size: 0.87em; }
  .unread-dot { position: absolute; inset-block-start: 18px; inset-inline-end: 16px; width: 8px; height: 8px; border-radius: 50%; background: var(--_accent); transition: opacity 0.1s; }
  .tools { position: absolute; z-index: 1; inset-block-start: 6px; inset-inline-end: 8px; display: flex; padding: 2px; border-radius: 10px; background: var(--_bg); box-shadow: 0 0 0 1px var(--_line); opacity: 0; pointer-events: none; }
  .row:hover .tools, .row:focus-visible .tools, .row:focus-within .tools { opacity: 1; pointer-events: auto; }
  .row:hover .unread-dot, .row:focus-within .unread-dot { opacity: 0; }
  .tools .tool { width: 28px; height: 28px; }
  .tools svg { width: 17px; height: 17px; }
  @media (hover: none) {
    .tools { position: static; align-self: center; flex-direction: column; opacity: 1; pointer-events: auto; background: none; box-shadow: none; padding: 0; margin-inline-end: -8px; }
    .row:hover .unread-dot { opacity: 1; }
    .unread-dot { inset-inline-end: auto; inset-inline-start: 46px; inset-block-start: 12px; box-shadow: 0 0 0 2px var(--_unread); }
  }
  .actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 9px; }
  .action { display: inline-flex; align-items: center; gap: 5px; padding: 5px 13px; border-radius: 8px; border: 1px solid var(--_line); background: var(--_bg); color: var(--_text); font-weight: 550; text-decoration: none; cursor: pointer; }
  .action:hover { border-color: var(--_muted); }
  .action.primary { background: var(--_accent); border-color: transparent; color: var(--_on-accent); }
  .action.primary:hover { filter: brightness(1.08); }
  .action.done { background: var(--_hover); border-color: var(--_line); color: var(--_muted); }
  .action.done svg { width: 15px; height: 15px; }

  .menu { position: fixed; inset: auto; z-index: 2147483001; flex-direction: column; min-width: 170px; max-width: 90vw; max-height: 90vh; margin: 0; padding: 4px; border: 1px solid var(--_line); border-radius: 10px; background: var(--_bg); color: var(--_text); box-shadow: var(--_shadow); overflow-y: auto; }
  .menu:not([popover]), .menu:popover-open { display: flex; }
  .menu button { padding: 8px 12px; border-radius: 7px; text-align: start; }
  .menu button:hover, .menu button:focus-visible { background: var(--_hover); }
  .menu button:focus-visible { outline-offset: -2px; }
  .menu form { display: flex; flex-direction: column; gap: 10px; padding: 8px; }
  .menu label { display: flex; flex-direction: column; gap: 4px; }
  .menu input { padding: 6px 8px; border: 1px solid var(--_line); border-radius: 7px; background: var(--_bg); }
  .menu form button { justify-content: center; }
  .menu form button:hover, .menu form button:focus-visible { background: var(--_accent); }

  .notice { flex: 1; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 4px; padding: 32px 40px; text-align: center; color: var(--_muted); }
  .notice svg { margin-bottom: 10px; opacity: 0.75; }
  .notice h3 { color: var(--_text); font-weight: 650; font-size: 1.07em; }
  .notice .action { margin-top: 14px; }
  .skeletons { padding: 4px 16px; }
  .skeleton { height: 74px; border-bottom: 1px solid var(--_line); position: relative; }
  .skeleton::before { content: ''; position: absolute; inset-block-start: 16px; inset-inline-start: 0; width: 38px; height: 38px; border-radius: 50%; background: var(--_hover); }
  .skeleton::after { content: ''; position: absolute; inset-block-start: 19px; inset-inline-start: 52px; width: 55%; height: 12px; border-radius: 6px; background: var(--_hover); box-shadow: 0 22px 0 var(--_hover); }
  .skeleton::before, .skeleton::after { animation: breathe 1.4s ease-in-out infinite alternate; }
  @keyframes breathe { to { opacity: 0.45; } }
  .pill { position: absolute; inset-block-start: 10px; left: 50%; transform: translateX(-50%); display: flex; align-items: center; gap: 5px; padding: 5px 14px 5px 10px; border-radius: 999px; background: var(--_accent); color: var(--_on-accent); font-weight: 600; font-size: 0.92em; box-shadow: 0 4px 14px rgb(0 0 0 / 0.2); z-index: 1; }
  .undo { position: absolute; inset-block-end: 10px; inset-inline: 12px; z-index: 2; display: flex; align-items: center; gap: 12px; padding: 8px 8px 8px 14px; border-radius: 10px; background: var(--_text); color: var(--_bg); box-shadow: var(--_shadow); }
  .undo:dir(rtl) { padding: 8px 14px 8px 8px; }
  .undo span { flex: 1; }
  .undo button { padding: 4px 12px; border-radius: 7px; border: 1px solid currentColor; font-weight: 600; }
  .undo button:focus-visible { outline-color: currentColor; }
  .tail { padding: 14px; text-align: center; color: var(--_muted); font-size: 0.92em; }

  .section { padding: 14px 16px 6px; font-size: 0.87em; font-weight: 600; color: var(--_muted); }
  .preferences { margin: 0 12px 10px; border: 1px solid var(--_line); border-radius: 12px; overflow: hidden; }
  .preference { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 10px 14px; font-weight: 550; cursor: pointer; }
  .preference + .preference { border-top: 1px solid var(--_line); }
  div.preference { cursor: default; }
  .preference.small { padding-block: 7px; padding-inline-start: 28px; font-weight: 400; color: var(--_muted); }
  .preference .muted { font-weight: 400; font-size: 0.92em; }
  input[role='switch'] { appearance: none; position: relative; width: 36px; height: 22px; margin: 0; border-radius: 11px; background: color-mix(in srgb, var(--_muted) 55%, var(--_bg)); cursor: pointer; flex: none; transition: background 0.15s; }
  input[role='switch']::before { content: ''; position: absolute; inset-block-start: 3px; inset-inline-start: 3px; width: 16px; height: 16px; border-radius: 50%; background: #fff; transition: inset-inline-start 0.15s; }
  input[role='switch']:checked { background: var(--_accent); }
  input[role='switch']:checked::before { inset-inline-start: 17px; }
  .small input[role='switch'] { transform: scale(0.86); transform-origin: center; }

  @media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; } }
  @media (forced-colors: active) {
    .row.is-unread { border-inline-start: 3px solid Highlight; }
    .badge, .unread-dot, input[role='switch'] { forced-color-adjust: none; }
    .tab[aria-selected='true']::after { background: Highlight; }
  }
`
