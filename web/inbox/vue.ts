/** Vue: `<CarillonInbox>`, and `useInbox`. */
import {
  type ComputedRef,
  computed,
  defineComponent,
  h,
  onMounted,
  onScopeDispose,
  onUnmounted,
  type PropType,
  type ShallowRef,
  type SlotsType,
  shallowRef,
  Teleport,
  type VNode,
  watch,
} from 'vue'
import { createInboxClient } from './client.ts'
import type { CarillonInbox as CarillonInboxElement } from './element.ts'
import { attributesOf, listen, loadElement, placeholderOf, setProperties } from './element-bridge.ts'
import type { CarillonInboxEventMap, CarillonInboxEvents } from './element-events.ts'
import type { InboxClient } from './inbox-client.ts'
import type { InboxOptions, InboxState } from './inbox-state.ts'
import type { InboxMessage } from './message.ts'
import { noState } from './no-state.ts'
import type { InboxRow } from './own-rows.ts'
import type { InboxTexts } from './texts.ts'
import type { TokenProvider } from './token-keeper.ts'

type Detail<K extends keyof CarillonInboxEvents> = CarillonInboxEvents[K]

/** A contact's inbox. A server renders its placeholder; in the page, the element is loaded when it is mounted. */
export const CarillonInbox = defineComponent({
  name: 'CarillonInbox',
  props: {
    server: { type: String, required: true },
    token: { type: String as PropType<string | null>, default: null },
    tokenProvider: { type: Function as PropType<TokenProvider | null>, default: null },
    feeds: { type: Array as PropType<readonly string[]>, default: undefined },
    mode: { type: String as PropType<'popover' | 'inline'>, default: 'popover' },
    theme: { type: String as PropType<'auto' | 'light' | 'dark'>, default: 'auto' },
    lang: { type: String, default: undefined },
    dir: { type: String as PropType<'ltr' | 'rtl'>, default: undefined },
    texts: { type: Object as PropType<Partial<InboxTexts>>, default: undefined },
    /** `v-model:open` */
    open: { type: Boolean as PropType<boolean | undefined>, default: undefined },
    linkTarget: { type: String, default: undefined },
    noPreferences: Boolean,
    noKeep: Boolean,
    order: { type: String as PropType<'newest' | 'severity'>, default: undefined },
  },
  emits: {
    message: (_message: InboxMessage) => true,
    feedChange: (_change: Detail<'carillon-change'>) => true,
    counts: (_counts: Detail<'carillon-counts'>) => true,
    stateChange: (_state: Detail<'carillon-state'>) => true,
    messageClick: (_message: InboxMessage, _event: CarillonInboxEventMap['carillon-message-click']) => true,
    action: (_detail: Detail<'carillon-action'>, _event: CarillonInboxEventMap['carillon-action']) => true,
    tokenExpired: (_detail: Detail<'carillon-token-expired'>) => true,
    error: (_error: Detail<'carillon-error'>) => true,
    'update:open': (_isOpen: boolean) => true,
  },
  slots: Object as SlotsType<{
    /** the content of a row; default: as the element shows it */
    item?: { message: InboxMessage; client: InboxClient }
    bell?: object
    empty?: object
    footer?: object
    /** until the element is loaded */
    placeholder?: object
  }>,
  setup(props, { emit, slots, expose }) {
    const element = shallowRef<CarillonInboxElement | null>(null)
    const rows = shallowRef<readonly InboxRow[]>([])
    const renderRows = (given: readonly InboxRow[]): void => {
      rows.value = given
    }
    const tell = (event: CarillonInboxEventMap[keyof CarillonInboxEventMap]): void => {
      if (is(event, 'carillon-message')) emit('message', event.detail.message)
      else if (is(event, 'carillon-change')) emit('feedChange', event.detail)
      else if (is(event, 'carillon-counts')) emit('counts', event.detail)
      else if (is(event, 'carillon-state')) emit('stateChange', event.detail)
      else if (is(event, 'carillon-message-click')) emit('messageClick', event.detail.message, event)
      else if (is(event, 'carillon-action')) emit('action', event.detail, event)
      else if (is(event, 'carillon-token-expired')) emit('tokenExpired', event.detail)
      else if (is(event, 'carillon-error')) emit('error', event.detail)
      else emit('update:open', event.type === 'carillon-open')
    }
    const provide: TokenProvider = () => props.tokenProvider?.() ?? ''
    const sync = (): void => {
      const { token, texts, open } = props
      // The latest one, so that a function written in the template does not ask for a token at every render.
      const tokenProvider = props.tokenProvider === null ? null : provide
      const isOwn = slots['item'] !== undefined
      if (element.value !== null) {
        setProperties(element.value, { token, tokenProvider, texts, open, renderRows: isOwn ? renderRows : null })
      }
    }
    let stop = (): void => {}
    onMounted(() => {
      sync()
      if (element.value !== null) stop = listen(element.value, tell)
      void loadElement()
    })
    onUnmounted(() => stop())
    watch(() => [props.token, props.tokenProvider === null, props.texts, props.open], sync, { flush: 'post' })
    expose({ element })
    const slotted = (name: 'bell' | 'empty' | 'footer' | 'placeholder'): VNode | null => {
      const content = slots[name]?.({})
      return content === undefined ? null : h('span', { slot: name }, content)
    }
    return () => {
      const item = slots['item']
      // Read first, in any case: that is what has it rendered again when there are rows, by when there is a client.
      const shown = rows.value
      const client = element.value?.client ?? null
      return h('carillon-inbox', { ref: element, ...attributeKeys(attributesOf(props)) }, [
        slotted('placeholder') ?? h('svg', placeholderOf(props.mode)),
        slotted('bell'),
        slotted('empty'),
        slotted('footer'),
        ...(item === undefined || client === null
          ? []
          : shown.map(({ message, host }) => h(Teleport, { key: message.id, to: host }, item({ message, client })))),
      ])
    }
  },
})

const is = <K extends keyof CarillonInboxEventMap>(event: Event, name: K): event is CarillonInboxEventMap[K] =>
  event.type === name

/** Vue sets properties where an element has them, unless it is told that they are attributes. */
const attributeKeys = (attributes: Record<string, string | undefined>): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`^${name}`, value]))

/** What `useInbox` returns. */
export interface UseInbox {
  readonly state: ShallowRef<InboxState>
  /** null on a server, and before the component is mounted */
  readonly client: ShallowRef<InboxClient | null>
  readonly messages: ComputedRef<readonly InboxMessage[]>
  readonly unreadCount: ComputedRef<number>
  readonly unseenCount: ComputedRef<number>
}

/** A headless inbox, connected from when the component is mounted until it is unmounted. */
export function useInbox(options: InboxOptions & { readonly server: string }): UseInbox {
  const state = shallowRef<InboxState>(noState)
  const client = shallowRef<InboxClient | null>(null)
  onMounted(() => {
    const created = createInboxClient(options)
    client.value = created
    state.value = created.state
    created.subscribe((now) => {
      state.value = now
    })
  })
  onScopeDispose(() => client.value?.close())
  return {
    state,
    client,
    messages: computed(() => state.value.messages),
    unreadCount: computed(() => state.value.counts.unread),
    unseenCount: computed(() => state.value.counts.unseen),
  }
}

export * from './client.ts'
export type { CarillonInboxElement }
