/** React: `<CarillonInbox>`, and the hooks. */
import {
  type CSSProperties,
  createElement,
  type DetailedHTMLProps,
  type ForwardedRef,
  forwardRef,
  type HTMLAttributes,
  type ReactNode,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { createPortal, flushSync } from 'react-dom'
import type { CarillonInbox as CarillonInboxElement } from './element.ts'
import {
  attributesOf,
  type InboxAttributes,
  type InboxProperties,
  listen,
  loadElement,
  placeholderOf,
  setProperties,
} from './element-bridge.ts'
import type { CarillonInboxEventMap, CarillonInboxEvents } from './element-events.ts'
import type { InboxClient } from './inbox-client.ts'
import type { InboxMessage } from './message.ts'
import type { InboxRow } from './own-rows.ts'

/** The props of `<CarillonInbox>`. */
export interface CarillonInboxProps extends InboxAttributes, Pick<InboxProperties, 'token' | 'tokenProvider' | 'texts' | 'open'> {
  readonly id?: string | undefined
  readonly className?: string | undefined
  readonly style?: CSSProperties | undefined
  /** Renders the content of a row; default: as the element does. Undefined or null: the row is empty */
  readonly renderItem?: ((message: InboxMessage, client: InboxClient) => ReactNode) | undefined
  /** another icon in the bell */
  readonly bell?: ReactNode
  /** instead of the text of an empty inbox */
  readonly empty?: ReactNode
  /** below the list */
  readonly footer?: ReactNode
  /** what is shown until the element is loaded, and by a server; default: nothing, in the element's size */
  readonly placeholder?: ReactNode
  readonly onMessage?: ((message: InboxMessage) => void) | undefined
  readonly onFeedChange?: ((change: CarillonInboxEvents['carillon-change']) => void) | undefined
  readonly onCounts?: ((counts: CarillonInboxEvents['carillon-counts']) => void) | undefined
  readonly onStateChange?: ((state: CarillonInboxEvents['carillon-state']) => void) | undefined
  /** `event.preventDefault()` keeps the message's link from being followed */
  readonly onMessageClick?: ((message: InboxMessage, event: CarillonInboxEventMap['carillon-message-click']) => void) | undefined
  /** `event.preventDefault()` keeps the button's link from being followed */
  readonly onAction?:
    | ((detail: CarillonInboxEvents['carillon-action'], event: CarillonInboxEventMap['carillon-action']) => void)
    | undefined
  readonly onTokenExpired?: ((detail: CarillonInboxEvents['carillon-token-expired']) => void) | undefined
  readonly onError?: ((error: CarillonInboxEvents['carillon-error']) => void) | undefined
  readonly onOpenChange?: ((isOpen: boolean) => void) | undefined
}

/** Before the element's first update, which is in a microtask; on a server there are no effects, and React warns of this one. */
const useEarlyEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect

function tell(props: CarillonInboxProps, event: CarillonInboxEventMap[keyof CarillonInboxEventMap]): void {
  const of = <K extends keyof CarillonInboxEventMap>(name: K): CarillonInboxEventMap[K] | null =>
    event.type === name ? (event as CarillonInboxEventMap[K]) : null
  const [message, change, counts, state] = [
    of('carillon-message'),
    of('carillon-change'),
    of('carillon-counts'),
    of('carillon-state'),
  ]
  const [click, action, expired, error] = [
    of('carillon-message-click'),
    of('carillon-action'),
    of('carillon-token-expired'),
    of('carillon-error'),
  ]
  if (message !== null) props.onMessage?.(message.detail.message)
  else if (change !== null) props.onFeedChange?.(change.detail)
  else if (counts !== null) props.onCounts?.(counts.detail)
  else if (state !== null) props.onStateChange?.(state.detail)
  else if (click !== null) props.onMessageClick?.(click.detail.message, click)
  else if (action !== null) props.onAction?.(action.detail, action)
  else if (expired !== null) props.onTokenExpired?.(expired.detail)
  else if (error !== null) props.onError?.(error.detail)
  else props.onOpenChange?.(event.type === 'carillon-open')
}

/** A contact's inbox. A server renders its placeholder; in the page, the element is loaded when it is mounted. */
export const CarillonInbox = forwardRef(function CarillonInbox(
  props: CarillonInboxProps,
  outer: ForwardedRef<CarillonInboxElement>,
): ReactNode {
  const { token, tokenProvider, texts, open, renderItem, mode } = props
  const element = useRef<CarillonInboxElement>(null)
  const latest = useRef(props)
  const provide = useRef(() => latest.current.tokenProvider?.() ?? '')
  const [rows, setRows] = useState<readonly InboxRow[]>([])
  // Rendered at once, so that the element measures rows that are complete.
  const renderRows = useRef((given: readonly InboxRow[]) => flushSync(() => setRows(given)))
  useImperativeHandle(outer, () => element.current as CarillonInboxElement, [])
  useEarlyEffect(() => {
    latest.current = props
  })
  const hasProvider = tokenProvider !== undefined && tokenProvider !== null
  const isOwn = renderItem !== undefined
  useEarlyEffect(() => {
    if (element.current === null) return
    setProperties(element.current, {
      token,
      tokenProvider: hasProvider ? provide.current : null,
      texts,
      open,
      renderRows: isOwn ? renderRows.current : null,
    })
  }, [token, hasProvider, texts, open, isOwn])
  useEarlyEffect(() => {
    void loadElement()
    return element.current === null ? undefined : listen(element.current, (event) => tell(latest.current, event))
  }, [])
  const client = element.current?.client ?? null
  const slotted = (name: string, content: ReactNode): ReactNode =>
    content === undefined || content === null ? null : createElement('span', { slot: name, key: name }, content)
  return createElement(
    'carillon-inbox',
    { ...attributesOf(props), ref: element, id: props.id, class: props.className, style: props.style },
    slotted('placeholder', props.placeholder) ?? createElement('svg', placeholderOf(mode)),
    slotted('bell', props.bell),
    slotted('empty', props.empty),
    slotted('footer', props.footer),
    isOwn && client !== null
      ? rows.map(({ message, host }) => createPortal(renderItem(message, client), host, message.id))
      : null,
  )
})

/** The element in JSX, without the component. */
export type InboxElementProps = DetailedHTMLProps<HTMLAttributes<CarillonInboxElement>, CarillonInboxElement> &
  Partial<Omit<InboxAttributes, 'dir' | 'lang'>> &
  Omit<InboxProperties, 'renderRows'>

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'carillon-inbox': InboxElementProps
    }
  }
}

export * from './client.ts'
export * from './react-hooks.ts'
export type { CarillonInboxElement }
