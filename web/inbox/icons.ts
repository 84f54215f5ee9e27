/** The icons, in the colour of the surrounding text. */
import { svg } from 'lit'

const icon = (path: string, size = 20) =>
  svg`<svg viewBox="0 0 24 24" width=${size} height=${size} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false"><path d=${path}></path></svg>`

export const icons = {
  bell: icon('M18 9a6 6 0 1 0-12 0c0 6-2.5 7.5-2.5 7.5h17S18 15 18 9M10 20.5a2.3 2.3 0 0 0 4 0', 22),
  readAll: icon('M2.5 13l4 4L16 7M12 16.5l.8.5L22 7'),
  archive: icon('M4 8v11a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1V8M2.5 4h19v4h-19zM10 12h4'),
  restore: icon('M4 8v11a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1V8M2.5 4h19v4h-19zM12 17v-5M9.5 14l2.5-2.5 2.5 2.5'),
  gear: icon('M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5'),
  back: icon('M15 5l-7 7 7 7'),
  close: icon('M6 6l12 12M18 6L6 18'),
  more: icon('M5 12h.01M12 12h.01M19 12h.01'),
  check: icon('M5 12.5l4.5 4.5L19 7.5'),
  dot: icon('M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7z'),
  up: icon('M12 19V5M6 11l6-6 6 6', 16),
  calm: icon('M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 12.5l2.5 2.5 4.5-5', 40),
  fault: icon('M12 8v5M12 16.5v.01M10.3 3.9L2.4 17.6A2 2 0 0 0 4.1 20.6h15.8a2 2 0 0 0 1.7-3L13.7 3.9a2 2 0 0 0-3.4 0z', 40),
  key: icon('M14.5 3.5a6 6 0 1 1-4.2 10.2L7 17H4.500v-2.500l.9-.9M15 8.500h.01', 40),
} as const
