/** Charts by day. The numbers are in a table too, because a canvas is not accessible. */
import { html, type TemplateResult } from 'lit'
import { ref } from 'lit/directives/ref.js'
import type uPlot from 'uplot'
import { createPart } from './part.ts'

/** Colours of the style sheet that charts may use. */
export type Colour = 'accent' | 'good' | 'warn' | 'bad' | 'quiet' | 'violet' | 'teal' | 'rose' | 'olive'

/** A line of a chart. */
export interface Line {
  readonly label: string
  readonly colour: Colour
  readonly values: readonly number[]
}

/** A chart that keeps its element while its numbers change. */
export interface Plot {
  view(seconds: readonly number[], lines: readonly Line[]): TemplateResult
  close(): void
}

const HEIGHT = 220
/** Days between two marks, of which the first is taken that leaves room for them. */
const DAYS = [1, 2, 7, 14, 28, 56, 112]
const loadChart = createPart<typeof import('./chart.ts')>('console-chart.js')

/** @param height px */
export function createPlot(label: string, height = HEIGHT): Plot {
  let host: HTMLElement | null = null
  let plot: uPlot | null = null
  let shown: { seconds: readonly number[]; lines: readonly Line[] } | null = null
  let drawn = ''

  async function draw(): Promise<void> {
    // Until it is loaded, and where it can't be, the table has the numbers.
    const chart = await loadChart().catch(() => null)
    plot?.destroy()
    plot = null
    if (chart === null || host === null || shown === null) return
    const { UPlot } = chart
    const colours = getComputedStyle(host)
    // light-dark() is only resolved where a colour is used, so it is read from an element that uses it.
    const probe = host.appendChild(document.createElement('i'))
    const colour = (name: string): string => {
      probe.style.color = colours.getPropertyValue(`--${name}`)
      return getComputedStyle(probe).color
    }
    const axis = {
      stroke: colour('quiet'),
      grid: { stroke: colour('line'), width: 1 },
      ticks: { stroke: colour('line'), width: 1 },
      font: '12px system-ui',
    }
    const { seconds, lines } = shown
    const whole = (_self: uPlot, ticks: number[]): string[] =>
      ticks.map((tick) => (Number.isInteger(tick) ? tick.toLocaleString() : ''))
    const options: uPlot.Options = {
      width: host.clientWidth,
      height,
      tzDate: (stamp) => UPlot.tzDate(new Date(stamp * 1_000), 'Etc/UTC'),
      cursor: { drag: { x: false, y: false } },
      scales: { y: { range: (_self, _min, max) => [0, Math.max(4, max * 1.08)] } },
      axes: [
        { ...axis, values: dates, incrs: DAYS.map((days) => days * 86_400) },
        { ...axis, values: whole, size: 56 },
      ],
      series: [
        { label: 'Day', value: (_self, stamp) => (stamp === null ? '–' : new Date(stamp * 1_000).toISOString().slice(0, 10)) },
        ...lines.map((line) => ({
          label: line.label,
          stroke: colour(line.colour),
          width: 2,
          points: { show: seconds.length < 40, size: 5 },
          value: (_self: uPlot, value: number | null) => value?.toLocaleString() ?? '–',
        })),
      ],
    }
    probe.remove()
    plot = new UPlot(options, [[...seconds], ...lines.map(({ values }) => [...values])], host)
  }

  const dark = matchMedia('(prefers-color-scheme: dark)')
  const redraw = (): void => void draw()
  dark.addEventListener('change', redraw)
  const resized = new ResizeObserver(() => {
    if (host !== null && plot !== null && plot.width !== host.clientWidth) plot.setSize({ width: host.clientWidth, height })
  })
  const settle = (element: Element | undefined): void => {
    resized.disconnect()
    host = element instanceof HTMLElement ? element : null
    if (host !== null) resized.observe(host)
    queueMicrotask(redraw)
  }
  return {
    view(seconds, lines) {
      const next = JSON.stringify([seconds, lines])
      shown = { seconds, lines }
      if (next !== drawn) {
        drawn = next
        queueMicrotask(redraw)
      }
      return html`<div class="plot ${height < HEIGHT ? 'small' : ''}" role="img" aria-label="${label}; the table below has the numbers" ${ref(settle)}></div>`
    },
    close() {
      dark.removeEventListener('change', redraw)
      resized.disconnect()
      plot?.destroy()
      plot = null
      host = null
    },
  }
}

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' })
const dates = (_self: uPlot, stamps: number[]): string[] => stamps.map((stamp) => day.format(new Date(stamp * 1_000)))
