/**
 * The budgets of cost: each key, contact, address and project may spend so much a second. An operation is charged with what it may cost
 * before it is executed, and gets back what it did not need. Each process counts on its own.
 */
import type { Caller } from '../domain/caller.ts'
import { CarillonError } from '../errors.ts'
import type { BudgetNumbers } from '../words.ts'
import { budgetDefaults, introspectionLimit } from './limits.ts'
import { type BucketSize, createTokenBuckets, createWeightedBuckets } from './token-buckets.ts'

/** Who spends: a caller, at an address. */
export interface Spender {
  readonly caller: Caller
  readonly remoteAddress: string
}

/** What an operation was charged with, and what is left of the budget that is nearest to its end. */
export interface Charge {
  readonly requested: number
  /** null: no budget */
  readonly remaining: number | null
  readonly perSecond: number | null
}

/** The budgets of one process. */
export interface Budgets {
  /** @throws CarillonError RATE_LIMITED when a budget of this caller is overdrawn */
  check(spender: Spender): void
  /**
   * Charges an operation, or refuses it.
   * @throws CarillonError RATE_LIMITED with `retryAfterSeconds`, `max` (what the budget holds at most) and `got` (the cost)
   */
  spend(spender: Spender, cost: number): Charge
  /** Corrects a charge by what turned out: a positive number is charged as well, a negative one given back. @returns the charge as it is now */
  correct(spender: Spender, by: number): Charge
  /** Counts one introspection of a caller without a credential. @throws CarillonError RATE_LIMITED with `retryAfterSeconds` */
  introspect(spender: Spender): void
}

interface Budget {
  readonly key: string
  readonly size: BucketSize
  /** what it is the budget of, as errors say it */
  readonly of: string
}

type Name = keyof typeof budgetDefaults

/**
 * Creates the budgets.
 * @param settings of the server, instead of the defaults; null: no limit
 * @param now monotonic milliseconds
 */
export function createBudgets(settings: BudgetNumbers = {}, now?: () => number): Budgets {
  const buckets = createWeightedBuckets(now)
  const introspections = createTokenBuckets(introspectionLimit.perSecond, introspectionLimit.burst, now)
  const perSecondOf = (name: Name): number | null => {
    if (name === 'addressOfContacts') {
      const { address } = settings
      // The two are one setting: what many contacts behind one address may spend follows from what one caller may.
      const times = budgetDefaults.addressOfContacts.perSecond / budgetDefaults.address.perSecond
      return address === undefined ? budgetDefaults.addressOfContacts.perSecond : address === null ? null : address * times
    }
    const given = settings[name]
    return given === undefined ? budgetDefaults[name].perSecond : given
  }
  const sizeOf = (name: Name, perSecond: number | null): BucketSize | null =>
    perSecond === null ? null : { perSecond, burst: perSecond * budgetDefaults[name].seconds }
  const names: readonly Name[] = ['project', 'contacts', 'key', 'contact', 'address', 'addressOfContacts']
  const defaults = Object.fromEntries(names.map((name) => [name, sizeOf(name, perSecondOf(name))])) as Record<
    Name,
    BucketSize | null
  >

  const budgetsOf = ({ caller, remoteAddress }: Spender): Budget[] => {
    const budgets: Budget[] = []
    const add = (name: Name, key: string, of: string, own?: number | null): void => {
      const size = own === undefined || own === null ? defaults[name] : sizeOf(name, own)
      if (size !== null) budgets.push({ key: `${name}:${key}`, size, of })
    }
    if (caller.kind === 'none') add('address', remoteAddress, 'this address without a credential')
    if (caller.kind !== 'project' && caller.kind !== 'contact') return budgets
    const { id } = caller.project
    const own = caller.project.limits as BudgetNumbers | null | undefined
    if (caller.kind === 'contact') {
      add('contact', `${id}:${caller.contactId}`, 'the contact', own?.contact)
      add('contacts', id, "the project's contacts", own?.contacts)
      add('addressOfContacts', remoteAddress, 'this address')
    } else if (caller.who.kind === 'person') add('key', `person ${id} ${caller.who.id}`, 'this person', own?.key)
    else add('key', caller.keyId ?? id, caller.keyId === null ? "the project's access tokens" : 'the API key', own?.key)
    add('project', id, 'the project', own?.project)
    return budgets
  }

  const assert = (budgets: readonly Budget[], cost: number): void => {
    for (const { key, size, of } of budgets) {
      const seconds = buckets.wait(key, cost, size)
      if (seconds === 0) continue
      const { perSecond, burst } = size
      throw new CarillonError('RATE_LIMITED', {
        message: `The budget of ${of} is spent: it is ${perSecond} units of cost a second, and ${burst} at once. The operation may cost ${cost}. Try again in ${seconds} s.`,
        retryAfterSeconds: seconds,
        max: burst,
        got: cost,
      })
    }
  }
  const take = (budgets: readonly Budget[], cost: number): Charge => {
    let remaining: number | null = null
    let perSecond: number | null = null
    for (const { key, size } of budgets) {
      const left = buckets.take(key, cost, size)
      if (remaining !== null && left >= remaining) continue
      remaining = left
      perSecond = size.perSecond
    }
    return { requested: cost, remaining: remaining === null ? null : Math.floor(remaining), perSecond }
  }

  return {
    check: (spender) => assert(budgetsOf(spender), 1),
    spend(spender, cost) {
      const budgets = budgetsOf(spender)
      assert(budgets, cost)
      return take(budgets, cost)
    },
    correct: (spender, by) => take(budgetsOf(spender), by),
    introspect({ caller, remoteAddress }) {
      if (caller.kind !== 'none') return
      const seconds = introspections.take(remoteAddress)
      if (seconds === 0) return
      const message = `Without a credential, the schema can be queried ${introspectionLimit.burst} times a minute. Send a credential, or try again in ${seconds} s.`
      throw new CarillonError('RATE_LIMITED', { message, retryAfterSeconds: seconds, max: introspectionLimit.burst })
    },
  }
}
