/** Which channels' messages are begun by the claim. */
import { expect, it } from 'vitest'
import type { Claimed } from '../../src/db/claim.ts'
import { createBreaker } from '../../src/jobs/breaker.ts'
import { createDirect } from '../../src/jobs/direct.ts'
import { createLimiter } from '../../src/jobs/limiter.ts'
import type { OpenProvider } from '../../src/jobs/providers.ts'
import type { Routes } from '../../src/send/decide.ts'
import { times } from '../helpers/setup.ts'

const never = new AbortController().signal

interface Given {
  readonly count?: number
  readonly places?: number
  readonly foldsRepeats?: boolean
  readonly perSecond?: number | null
  readonly providers?: readonly string[]
  readonly opened?: readonly string[]
}

/** What is known of the channel EMAIL of project `p` after a batch of `count` messages. */
function known({ count = 1, places = 2, foldsRepeats = true, perSecond = null, providers = ['first'], opened }: Given = {}) {
  const direct = createDirect()
  const openOf = (id: string) =>
    ({
      id,
      provider: { limits: { concurrency: places, foldsRepeats } },
      limiter: createLimiter(places, perSecond),
      unsettled: createLimiter(3 * places, null),
      breaker: createBreaker(
        () => performance.now(),
        () => {},
      ),
    }) as unknown as OpenProvider
  const open = new Map((opened ?? providers).map((id) => [id, openOf(id)]))
  const routes = new Map([['p', new Map([['EMAIL', providers.map((id) => ({ id }))]]) as unknown as Routes]])
  const batch = times(count, () => ({ projectId: 'p', channel: 'EMAIL' }) as unknown as Claimed)
  direct.learn(routes, open, batch)
  return { direct, open, relearn: (next: typeof routes) => direct.learn(next, open, batch) }
}
const EMAIL = { projectId: 'p', channel: 'EMAIL', providerId: 'first' }

it('those of a channel with one provider that folds repeats and has a place for each', () => {
  expect(known().direct.now()).toMatchObject([EMAIL])
  expect(known({ count: 2 }).direct.now()).toMatchObject([EMAIL])
})

it.each([
  ['receivers do not fold repeats', { foldsRepeats: false }],
  ['there are two providers', { providers: ['first', 'second'] }],
  ['there is none', { providers: [] }],
  ['it can not be opened here', { opened: [] }],
  ['it has fewer places than the latest batch had messages', { count: 3 }],
  ['its rate is limited', { perSecond: 100 }],
])('none where %s', (_why, options) => {
  expect(known(options).direct.now()).toEqual([])
})

it('none while its places are taken', () => {
  const { direct, open } = known({ places: 1 })
  const leave = open.get('first')?.limiter.enterAtOnce(never, Infinity)
  expect(direct.now()).toEqual([])
  leave?.()
  expect(direct.now()).toMatchObject([EMAIL])
})

it('none once a second provider was added', () => {
  const { direct, relearn } = known()
  relearn(new Map([['p', new Map([['EMAIL', [{ id: 'first' }, { id: 'second' }]]]) as unknown as Routes]]))
  expect(direct.now()).toEqual([])
})
