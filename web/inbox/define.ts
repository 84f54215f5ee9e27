/** Defines `<carillon-inbox>` by being imported, as a script of a page is. */
import { defineInbox } from './define-inbox.ts'

defineInbox()

export { createInboxClient } from './client.ts'
export { CarillonInbox } from './element.ts'
