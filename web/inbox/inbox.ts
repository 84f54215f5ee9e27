/** The npm package: the element and the client. Importing it defines nothing and touches no page. */
export * from './client.ts'
export { defineInbox } from './define-inbox.ts'
export { CarillonInbox } from './element.ts'
export type { CarillonInboxEventMap, CarillonInboxEvents } from './element-events.ts'
export type { InboxTexts } from './texts.ts'
