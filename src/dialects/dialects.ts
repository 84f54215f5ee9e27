/** The dialects that there are. A dialect is loaded when it is called for the first time: a process that nobody calls so pays nothing for it. */
import type { DialectName } from '../words.ts'
import type { Dialect } from './dialect.ts'

const loaders = {
  notifuse: async () => (await import('./notifuse.ts')).notifuse,
  notifly: async () => (await import('./notifly.ts')).notifly,
  novu: async () => (await import('./novu.ts')).novu,
} satisfies Record<DialectName, () => Promise<Dialect>>

/** Loads a dialect. */
export const loadDialect = (name: DialectName): Promise<Dialect> => loaders[name]()
