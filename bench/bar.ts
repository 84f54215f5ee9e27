/** A line that shows how far a long leg is. On a terminal only: a log would fill with it. */

/** A progress bar. */
export interface Bar {
  show(done: number): void
  clear(): void
}

const WIDTH = 30
const EVERY_MS = 200

/** Makes a bar for so many steps. */
export function progressBar(name: string, total: number, out: NodeJS.WriteStream = process.stderr): Bar {
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show(done) {
      if (!out.isTTY || performance.now() - shownAt < EVERY_MS) return
      shownAt = performance.now()
      const share = Math.min(1, done / total)
      const filled = Math.round(share * WIDTH)
      out.write(`\r${name} [${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${Math.round(share * 100)} % `)
    },
    clear() {
      if (out.isTTY) out.write('\r\x1b[2K')
    },
  }
}
