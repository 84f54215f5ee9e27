/** Whether the device is online. Where nobody tells, the inbox finds out by itself, within seconds. */

/**
 * Calls `report` with false when the device goes offline, and with true when it is worth connecting now. @returns a function that stops it.
 * It only saves waiting: without any report, the inbox pings the server and reconnects with growing delays.
 */
export type WatchOnline = (report: (isOnline: boolean) => void) => () => void

/** By the browser's events, and when the page becomes visible. Elsewhere it reports nothing. */
export const watchBrowser: WatchOnline = (report) => {
  // React Native has a `window`, but no events on it.
  if (typeof addEventListener !== 'function' || typeof document === 'undefined') return () => {}
  const onOnline = (): void => report(true)
  const onOffline = (): void => report(false)
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') report(true)
  }
  addEventListener('online', onOnline)
  addEventListener('offline', onOffline)
  document.addEventListener('visibilitychange', onVisible)
  return () => {
    removeEventListener('online', onOnline)
    removeEventListener('offline', onOffline)
    document.removeEventListener('visibilitychange', onVisible)
  }
}
