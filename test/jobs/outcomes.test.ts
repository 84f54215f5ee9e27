/** How an attempt begins whose message was claimed for it: by the claim while that is fresh, and again afterwards. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Claimed, claim } from '../../src/db/claim.ts'
import { revokeClaimsOfContact } from '../../src/db/revoke-claims.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { createOutcomes, type Outcomes } from '../../src/jobs/outcomes.ts'
import { silentLog } from '../../src/log.ts'
import { ids, type Outbox, openOutbox } from '../helpers/outbox.ts'
import { until } from '../helpers/until.ts'

const [providerId, another] = [ids(), ids()]
let outbox: Outbox
let outcomes: Outcomes
let woken = 0

beforeAll(async () => {
  outbox = await openOutbox()
  const deps = { db: outbox.db, clock: systemClock, ids, log: silentLog, publish: () => {}, wake: () => void woken++ }
  outcomes = createOutcomes(deps, new AbortController().signal)
})
beforeEach(async () => {
  woken = 0
  await outbox.db.pool.query('DELETE FROM notification')
})
afterAll(() => outbox.close())

async function claimOne(isQueued = false): Promise<Claimed> {
  if (!isQueued) await outbox.queue(1)
  const channels = [{ projectId: outbox.projectId, channel: 'EMAIL' as const, providerId }]
  const options = { limit: 1, bulkLimit: 1, leaseMs: 60_000, offsetMs: 0, direct: { channels, claimId: 1 } }
  const [message] = await claim(outbox.db.pool, options)
  if (message === undefined) throw new Error('Nothing was claimed')
  return message
}
const row = async () =>
  (await outbox.db.pool.query('SELECT claim_id::int, bound_to, begun_at IS NOT NULL AS begun FROM delivery')).rows[0]
const optOut = () => revokeClaimsOfContact(outbox.db.pool, { projectId: outbox.projectId, contactId: outbox.contactId }, 'EMAIL')
const late = (message: Claimed): Claimed => ({ ...message, claimedAt: message.claimedAt - 200 })

it('writes nothing while the claim is fresh', async () => {
  const message = await claimOne()
  expect(await outcomes.begin({ ...message, claimedAt: performance.now() }, providerId)).toBe(true)
  expect(await row()).toEqual({ claim_id: 1, bound_to: providerId, begun: true })
})

it.each([
  ['late', (message: Claimed) => outcomes.begin(late(message), another), another],
  ['with another provider', (message: Claimed) => outcomes.begin(message, another), another],
] as const)('begins again %s', async (_when, begin, boundTo) => {
  expect(await begin(await claimOne())).toBe(true)
  expect(await row()).toEqual({ claim_id: null, bound_to: boundTo, begun: true })
  expect(woken).toBe(0)
})

it('begins again after it was postponed', async () => {
  const message = await claimOne()
  outcomes.postpone(message)
  await until('it is postponed', async () => (await row()).begun === false)
  expect(await outcomes.begin(message, providerId)).toBe(true)
  expect(await row()).toEqual({ claim_id: null, bound_to: providerId, begun: true })
})

it('G5: does not begin again after an opt-out, and has it decided again', async () => {
  const message = await claimOne()
  await optOut()
  expect(await outcomes.begin(late(message), providerId)).toBe(false)
  expect(await row()).toEqual({ claim_id: null, bound_to: null, begun: false })
  expect(woken).toBe(1)
})

it('G5: an opt-out before it is postponed has it decided again at once', async () => {
  const message = await claimOne()
  await optOut()
  outcomes.postpone(message)
  await until('it is decided again', () => woken === 1)
  expect(await outcomes.begin(message, providerId)).toBe(false)
})

it('G1, G5: what a provider refused was not sent: an opt-out before the next provider has it decided again, not left as one that may have arrived', async () => {
  await outbox.queue(1)
  const [message] = await claim(outbox.db.pool, { limit: 1, bulkLimit: 1, leaseMs: 60_000, offsetMs: 0 })
  if (message === undefined) throw new Error('Nothing was claimed')
  expect(await outcomes.begin(message, providerId)).toBe(true)
  await optOut()
  expect(await outcomes.begin(message, another)).toBe(false)
  expect(await row()).toEqual({ claim_id: null, bound_to: null, begun: false })
  expect(await claimOne(true)).toMatchObject({ attemptBegan: false, boundTo: null })
})

it('G4: is not postponed once it has begun: one device is being sent to while another waits for its turn', async () => {
  const message = { ...(await claimOne()), claimedAt: performance.now() }
  expect(await outcomes.begin(message, providerId)).toBe(true)
  outcomes.postpone(message)
  await sleep(50)
  expect(await row()).toEqual({ claim_id: 1, bound_to: providerId, begun: true })
})

it('begins with the next provider, which has to wait, after it began late with the first', async () => {
  const message = late(await claimOne())
  expect(await outcomes.begin(message, providerId)).toBe(true)
  outcomes.postpone(message)
  expect(await outcomes.begin(message, another)).toBe(true)
  expect(await row()).toEqual({ claim_id: null, bound_to: another, begun: true })
})
