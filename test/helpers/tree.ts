/** Ends a process and everything below it, as a machine that loses power would. */
import { readdirSync, readFileSync } from 'node:fs'

/** Every descendant of a process, itself first. Linux: reads /proc. */
function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      // "pid (command) state ppid …": the command may hold anything, so the parent is counted from its closing bracket.
      const [, ppid] = readFileSync(`/proc/${name}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      children.set(Number(ppid), [...(children.get(Number(ppid)) ?? []), Number(name)])
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = []
  const walk = (one: number): void => {
    found.push(one)
    for (const child of children.get(one) ?? []) walk(child)
  }
  walk(pid)
  return found
}

/** SIGKILL to all of a tree. */
export function killTree(pid: number): void {
  for (const one of treeOf(pid)) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // It ended meanwhile.
    }
  }
}
