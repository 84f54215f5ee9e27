/** Positions the panel below or above the bell, always within the window. */

const GAP_PX = 8

/** On a narrow screen the style sheet overrides the position: the panel fills the screen. */
export function positionPanel(panel: HTMLElement | null, bell: HTMLElement | null): void {
  if (panel === null || bell === null) return
  const at = bell.getBoundingClientRect()
  const { clientWidth: width, clientHeight: height } = document.documentElement
  const own = panel.offsetWidth
  const isRtl = getComputedStyle(bell).direction === 'rtl'
  const left = Math.max(GAP_PX, Math.min(isRtl ? at.left : at.right - own, width - own - GAP_PX))
  const roomBelow = height - at.bottom - 2 * GAP_PX
  const roomAbove = at.top - 2 * GAP_PX
  const isBelow = roomBelow >= Math.min(360, roomAbove)
  panel.style.setProperty('--_room', `${Math.max(160, isBelow ? roomBelow : roomAbove)}px`)
  panel.style.setProperty('--_x', `${left}px`)
  panel.style.setProperty('--_y', `${isBelow ? at.bottom + GAP_PX : Math.max(GAP_PX, at.top - GAP_PX - panel.offsetHeight)}px`)
}
