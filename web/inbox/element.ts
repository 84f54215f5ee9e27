/** `<carillon-inbox>`. */
import { html, LitElement } from 'lit'

/** A contact's inbox. */
export class CarillonInbox extends LitElement {
  override render() {
    return html`<button type="button">Inbox</button>`
  }
}

if (customElements.get('carillon-inbox') === undefined) customElements.define('carillon-inbox', CarillonInbox)
