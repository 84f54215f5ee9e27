/** Budgets of cost, with the clock as an argument. */
import { expect, it } from 'vitest'
import type { Project } from '../../src/db/generated/client.ts'
import { createBudgets, type Spender } from '../../src/http/budgets.ts'
import { budgetDefaults } from '../../src/http/limits.ts'
import type { BudgetNumbers } from '../../src/words.ts'
import { keyCaller } from '../helpers/caller.ts'

const project = (id: string, limits: BudgetNumbers = {}): Project => ({ ...({} as Project), id, limits: { ...limits } })
const contact = (contactId: string, of = project('p'), remoteAddress = '192.0.2.1'): Spender => ({
  caller: { kind: 'contact', project: of, contactId, externalId: contactId, expiresAt: new Date(0) },
  remoteAddress,
})
const key = (keyId: string | null, of = project('p')): Spender => ({
  caller: { ...keyCaller(keyId ?? '', of), keyId },
  remoteAddress: '192.0.2.9',
})
const nobody = (remoteAddress: string): Spender => ({ caller: { kind: 'none' }, remoteAddress })
const limited = (details: Record<string, unknown>) =>
  expect.objectContaining({ code: 'RATE_LIMITED', details: expect.objectContaining(details) })

it('lets a contact spend its burst, refuses what goes beyond, and lets it spend again what a second adds', () => {
  let now = 0
  const budgets = createBudgets({ contact: 100 }, () => now)
  const burst = 100 * budgetDefaults.contact.seconds
  expect(budgets.spend(contact('a'), burst - 10)).toEqual({ requested: burst - 10, remaining: 10, perSecond: 100 })
  expect(() => budgets.spend(contact('a'), 250)).toThrow(limited({ retryAfterSeconds: 3, max: burst, got: 250 }))
  budgets.spend(contact('b'), 250)
  now = 2_400
  budgets.spend(contact('a'), 250)
  expect(() => budgets.spend(contact('a'), 1)).toThrow(limited({ retryAfterSeconds: 1 }))
})

it('gives back what was not needed, and never more than there was', () => {
  const budgets = createBudgets({ contact: 100 }, () => 0)
  budgets.spend(contact('a'), 1_000)
  expect(budgets.correct(contact('a'), -900).remaining).toBe(1_900)
  expect(budgets.correct(contact('a'), -5_000).remaining).toBe(2_000)
  expect(budgets.correct(contact('a'), 2_500).remaining).toBe(-500)
  expect(() => budgets.check(contact('a'))).toThrow(limited({ retryAfterSeconds: 6 }))
})

it('lets an operation that costs more than a budget holds pass when nothing of it is spent', () => {
  let now = 0
  const budgets = createBudgets({ contact: 10 }, () => now)
  budgets.spend(contact('a'), 1_000)
  expect(() => budgets.spend(contact('a'), 1_000)).toThrow(limited({ retryAfterSeconds: 100 }))
  now = 100_000
  budgets.spend(contact('a'), 1_000)
})

it("keeps what a project's contacts spend together from its key, and what a key spends from other projects", () => {
  const budgets = createBudgets({ project: 1_000, contacts: 500, contact: 400 }, () => 0)
  let spent = 0
  for (let n = 0; n < 100; n++) {
    try {
      budgets.spend(contact(`c${n}`, project('p'), `192.0.2.${n}`), 400)
      spent += 400
    } catch {
      // The budget of all contacts is spent.
    }
  }
  expect(spent).toBe(500 * budgetDefaults.contacts.seconds)
  budgets.spend(key('k'), 500 * budgetDefaults.project.seconds)
  expect(() => budgets.spend(key('k'), 1)).toThrow(limited({}))
  budgets.spend(key('k', project('q')), 1_000)
})

it('limits a key only if it has a budget, and the access tokens of a project as one', () => {
  const free = createBudgets({ project: null }, () => 0)
  for (let n = 0; n < 1_000; n++) free.spend(key('a'), 100_000)
  expect(free.spend(key('a'), 5)).toEqual({ requested: 5, remaining: null, perSecond: null })
  const budgets = createBudgets({ key: 100 }, () => 0)
  budgets.spend(key(null), 400)
  expect(() => budgets.spend(key(null), 1)).toThrow(limited({}))
  budgets.spend(key('a'), 400)
})

it("takes a project's own budgets before the server's", () => {
  const budgets = createBudgets({ contact: 100 }, () => 0)
  const own = project('own', { contact: 10 })
  expect(budgets.spend(contact('a', own), 1).perSecond).toBe(10)
  expect(budgets.spend(contact('a'), 1).perSecond).toBe(100)
})

it('limits callers without a credential by address, and the contacts at one address together', () => {
  const budgets = createBudgets({ address: 10, contact: null, contacts: null, project: null }, () => 0)
  budgets.spend(nobody('192.0.2.1'), 100)
  expect(() => budgets.check(nobody('192.0.2.1'))).toThrow(limited({}))
  budgets.check(nobody('192.0.2.2'))
  budgets.spend(contact('a'), 2_000)
  expect(() => budgets.spend(contact('b'), 1)).toThrow(limited({}))
  budgets.spend({ caller: { kind: 'operator' }, remoteAddress: '192.0.2.1' }, 1_000_000)
})

it('lets an address without a credential ask for the schema a few times a minute, and callers with one as often as they can pay', () => {
  let now = 0
  const budgets = createBudgets({}, () => now)
  for (let n = 0; n < 5; n++) budgets.introspect(nobody('192.0.2.1'))
  expect(() => budgets.introspect(nobody('192.0.2.1'))).toThrow(limited({ retryAfterSeconds: 12, max: 5 }))
  budgets.introspect(nobody('192.0.2.2'))
  for (let n = 0; n < 100; n++) budgets.introspect(key('a'))
  now = 12_000
  budgets.introspect(nobody('192.0.2.1'))
})
