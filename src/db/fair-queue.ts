/**
 * A queue that is fair: what waits has a path (a project, a kind of caller in it, a contact), and each branch of the tree of paths has its
 * turn after the others. So what one branch has waiting is its own: another's next entry waits for one entry of each branch at most.
 */

/** A queue of entries with paths. */
export interface FairQueue<T> {
  add(path: readonly string[], entry: T): void
  /**
   * Takes the next entry.
   * @param isOpen whether a branch may have its turn; it is asked with the path of the branch. Default: each may
   */
  take(isOpen?: (path: readonly string[]) => boolean): T | undefined
  /**
   * Charges what an entry cost to its branches. A turn is worth 1: a branch that owes more gives up as many turns, as long as others have
   * entries. What it owes is forgotten when the queue is empty, because nobody had to wait for it any more.
   */
  charge(path: readonly string[], cost: number): void
  /** Removes an entry. @returns whether it was there */
  remove(path: readonly string[], entry: T): boolean
  readonly size: number
  /** entries below a path */
  sizeOf(path: readonly string[]): number
}

/** The most that a branch may owe: it has its turn again, whatever it cost. */
const OWED_MAX = 1_000
/** Branches whose debts are remembered. */
const DEBTORS_MAX = 10_000

interface Branch<T> {
  readonly path: readonly string[]
  readonly entries: T[]
  /** in the order of their turns */
  readonly branches: Map<string, Branch<T>>
  size: number
}

/** Creates an empty queue. */
export function createFairQueue<T>(): FairQueue<T> {
  const branchOf = (path: readonly string[]): Branch<T> => ({ path, entries: [], branches: new Map(), size: 0 })
  const root = branchOf([])
  /** what branches owe, by their path */
  const owed = new Map<string, number>()
  const nameOf = (path: readonly string[]): string => path.join('\n')
  const owedBy = ({ path }: Branch<T>): number => (owed.size === 0 ? 0 : (owed.get(nameOf(path)) ?? 0))
  const pay = ({ path }: Branch<T>, amount: number): void => {
    const name = nameOf(path)
    const left = (owed.get(name) ?? 0) - amount
    if (left > 0) owed.set(name, left)
    else owed.delete(name)
  }

  /** From the root to the branch of a path; as far as it exists. */
  const along = (path: readonly string[]): Branch<T>[] => {
    const found = [root]
    for (const name of path) {
      const next = found.at(-1)?.branches.get(name)
      if (next === undefined) break
      found.push(next)
    }
    return found
  }

  const takeFrom = (branch: Branch<T>, isOpen: (path: readonly string[]) => boolean): { readonly entry: T } | null => {
    const own = branch.entries.shift()
    if (own !== undefined) {
      branch.size -= 1
      return { entry: own }
    }
    const takeOf = (next: Branch<T>): { readonly entry: T } | null => {
      const taken = takeFrom(next, isOpen)
      if (taken === null) return null
      const name = next.path.at(-1) ?? ''
      branch.size -= 1
      // Its turn is over: it goes behind the others.
      branch.branches.delete(name)
      if (next.size > 0) branch.branches.set(name, next)
      return taken
    }
    const debtors: Branch<T>[] = []
    for (const next of branch.branches.values()) {
      if (!isOpen(next.path)) continue
      if (owedBy(next) >= 1) {
        debtors.push(next)
        continue
      }
      const taken = takeOf(next)
      if (taken === null) continue
      for (const debtor of debtors) pay(debtor, 1)
      return taken
    }
    // All of them owe something: the one that owes least goes, as if all had given up so many turns.
    for (const next of debtors.sort((a, b) => owedBy(a) - owedBy(b))) {
      const amount = owedBy(next)
      const taken = takeOf(next)
      if (taken === null) continue
      for (const debtor of debtors) pay(debtor, amount)
      return taken
    }
    return null
  }

  return {
    add(path, entry) {
      let branch = root
      branch.size += 1
      path.forEach((name, index) => {
        let next = branch.branches.get(name)
        if (next === undefined) {
          next = branchOf(path.slice(0, index + 1))
          branch.branches.set(name, next)
        }
        next.size += 1
        branch = next
      })
      branch.entries.push(entry)
    },
    take(isOpen = () => true) {
      if (root.size > 0) return takeFrom(root, isOpen)?.entry
      owed.clear()
      return undefined
    },
    charge(path, cost) {
      if (root.size === 0 || cost < 1) return
      if (owed.size > DEBTORS_MAX) owed.clear()
      path.forEach((_name, index) => {
        const name = nameOf(path.slice(0, index + 1))
        owed.set(name, Math.min(OWED_MAX, (owed.get(name) ?? 0) + cost - 1))
      })
    },
    remove(path, entry) {
      const branches = along(path)
      const last = branches.at(-1)
      const index = branches.length === path.length + 1 ? (last?.entries.indexOf(entry) ?? -1) : -1
      if (last === undefined || index === -1) return false
      last.entries.splice(index, 1)
      branches.forEach((branch, depth) => {
        branch.size -= 1
        const name = path[depth]
        const next = branches[depth + 1]
        // Sizes of deeper branches are lowered next: one that has this entry alone is empty then.
        if (name !== undefined && next !== undefined && next.size === 1) branch.branches.delete(name)
      })
      return true
    },
    get size() {
      return root.size
    },
    sizeOf(path) {
      const branches = along(path)
      return branches.length === path.length + 1 ? (branches.at(-1)?.size ?? 0) : 0
    },
  }
}
