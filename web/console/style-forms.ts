/** Styles of forms and dialogs. */
import { css } from 'lit'

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
  .code {
    min-width: 0;
  }
  .code.tall {
    --code-height: 170px;
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
  /* A date and a time are no narrower than this: two of them do not fit beside each other on a phone. */
  .filters .field:has([type='datetime-local']) {
    flex-basis: 230px;
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
