/** Svelte: an action for `<carillon-inbox>`, and a store. */
import { type Component, mount, unmount } from 'svelte'
import type { ActionReturn } from 'svelte/action'
import type { HTMLAttributes } from 'svelte/elements'
import type { Readable } from 'svelte/store'
import { createInboxClient } from './client.ts'
import type { CarillonInbox as CarillonInboxElement } from './element.ts'
import { type InboxAttributes, type InboxProperties, loadElement, setProperties } from './element-bridge.ts'
import type { CarillonInboxEventMap } from './element-events.ts'
import type { InboxClient } from './inbox-client.ts'
import type { InboxOptions, InboxState } from './inbox-state.ts'
import type { InboxMessage } from './message.ts'
import { noState } from './no-state.ts'
import type { InboxRow } from './own-rows.ts'

/** What the action is told. */
export interface InboxActionOptions extends Omit<InboxProperties, 'renderRows'> {
  /** a component that renders the content of a row; default: as the element does */
  readonly row?: Component<{ message: InboxMessage; client: InboxClient }> | undefined
}

/**
 * Loads the element that it is used on, and sets what can be no attribute: `<carillon-inbox server="…" use:inbox={{ tokenProvider }}>`. On a
 * server it does nothing.
 */
export function inbox(node: HTMLElement, options: InboxActionOptions = {}): ActionReturn<InboxActionOptions> {
  const element = node as CarillonInboxElement
  const mounted = new Map<string, { message: InboxMessage; component: object }>()
  let component = options.row

  const remove = (id: string): void => {
    const entry = mounted.get(id)
    mounted.delete(id)
    if (entry !== undefined) void unmount(entry.component)
  }
  const renderRows = (rows: readonly InboxRow[]): void => {
    const { client } = element
    const shown = new Map(rows.map(({ message }) => [message.id, message]))
    for (const [id, { message }] of mounted) if (shown.get(id) !== message) remove(id)
    if (component === undefined || client === null) return
    for (const { message, host } of rows) {
      if (mounted.has(message.id)) continue
      mounted.set(message.id, { message, component: mount(component, { target: host, props: { message, client } }) })
    }
  }
  const apply = ({ row, ...properties }: InboxActionOptions): void => {
    if (row !== component) for (const id of [...mounted.keys()]) remove(id)
    component = row
    setProperties(element, { ...properties, renderRows: row === undefined ? null : renderRows })
  }
  apply(options)
  void loadElement()
  return {
    update: apply,
    destroy() {
      for (const id of [...mounted.keys()]) remove(id)
    },
  }
}

/** A headless inbox as a store. */
export interface InboxStore extends Readable<InboxState> {
  /** null on a server, and while nobody is subscribed */
  readonly client: InboxClient | null
}

/** A store that is connected while somebody is subscribed to it, in a browser. `options` are asked for then. */
export function inboxStore(options: () => InboxOptions & { readonly server: string }): InboxStore {
  const listeners = new Set<(state: InboxState) => void>()
  let client: InboxClient | null = null
  return {
    get client() {
      return client
    },
    subscribe(run) {
      // One function may subscribe twice, and each subscription ends by itself.
      const listener = (state: InboxState): void => run(state)
      listeners.add(listener)
      if (client === null && typeof document !== 'undefined') {
        client = createInboxClient(options())
        client.subscribe((state) => {
          for (const one of listeners) one(state)
        })
      }
      run(client?.state ?? noState)
      return () => {
        listeners.delete(listener)
        if (listeners.size > 0) return
        client?.close()
        client = null
      }
    },
  }
}

/** The element in a template. */
export type InboxElementAttributes = HTMLAttributes<CarillonInboxElement> &
  Pick<InboxAttributes, 'server' | 'mode' | 'theme'> & {
    readonly [K in keyof CarillonInboxEventMap as `on${K}`]?: (event: CarillonInboxEventMap[K]) => void
  } & {
    readonly feeds?: string
    readonly 'link-target'?: string
    readonly 'no-preferences'?: boolean
    readonly 'no-keep'?: boolean
    readonly order?: 'newest' | 'severity'
  }

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'carillon-inbox': InboxElementAttributes
  }
}

export * from './client.ts'
export type { CarillonInboxElement }
