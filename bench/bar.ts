/** A progress bar for long legs. */

/** A progress bar in one line. `show` draws it, at most every 200 ms; `clear` removes it. */
export interface Bar {
  show(done: number): void
  clear(): void
}

const WIDTH = 30
const EVERY_MS = 200

/** Creates a bar for `total` steps. It prints nothing unless `out` is a terminal. */
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
