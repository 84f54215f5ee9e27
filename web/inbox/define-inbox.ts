/** Defines the element. */
import { CarillonInbox } from './element.ts'

/**
 * Defines `<carillon-inbox>`, unless it is defined. Where there are no custom elements, as on a server, it does nothing. Under another name
 * it defines a subclass, because a class has one name.
 */
export function defineInbox(name = 'carillon-inbox'): void {
  if (typeof customElements === 'undefined' || customElements.get(name) !== undefined) return
  customElements.define(name, name === 'carillon-inbox' ? CarillonInbox : class extends CarillonInbox {})
}
