/** Somebody else has saved the template meanwhile: what differs, and whose version to go on with. */
import { html, type TemplateResult } from 'lit'
import { differences } from './difference.ts'
import { fieldChanges } from './side-by-side.ts'
import { type Draft, DraftError, inputOf } from './template-draft.ts'
import { when } from './time.ts'

/** The version that somebody else has saved. */
export interface Conflict {
  readonly theirs: Draft
  readonly number: number
  /** who saved it; empty: not known */
  readonly author: string
  readonly at: string | null
}

/** The fields in which two drafts differ. What can't be read yet differs as it is typed. */
function changesOf(theirs: Draft, mine: Draft) {
  try {
    return differences(inputOf(theirs), inputOf(mine))
  } catch (error) {
    if (!(error instanceof DraftError)) throw error
    return differences(theirs, mine)
  }
}

/** Shows a conflict. `keep`: saves what is typed over the other version; `take`: shows the other version, and drops what was typed. */
export function conflictView(
  { theirs, number, author, at }: Conflict,
  mine: Draft,
  { keep, take }: { keep(): void; take(): void },
): TemplateResult {
  const changes = changesOf(theirs, mine)
  return html`<section class="notice warn" role="alert" aria-labelledby="conflict-title">
    <h2 id="conflict-title">${author === '' ? 'Somebody else' : author} saved version ${number} meanwhile</h2>
    <p>${at === null ? '' : html`It was saved ${when(at)}. `}Nothing of yours is lost: compare, then keep one of the two.</p>
    ${changes.length === 0 ? html`<p class="quiet">Both say the same.</p>` : fieldChanges(changes, ['Saved meanwhile', 'Yours'])}
    <div class="buttons">
      <button type="button" class="primary" @click=${keep}>Save mine over it</button>
      <button type="button" @click=${take}>Take the saved version</button>
    </div>
  </section>`
}
