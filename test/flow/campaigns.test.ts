/** Campaigns: stored, and run by the clock or by an event, once each. */
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkSchedule, nextRunOf } from '../../src/domain/schedule.ts'
import { createTestClock, startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import { Feed, UpsertContacts, UpsertTemplates } from '../helpers/operations.ts'
import {
  CampaignNotifications,
  DeleteCampaigns,
  DeleteSegments,
  GetCampaign,
  TrackEvents,
  UpsertCampaigns,
  UpsertSegments,
} from '../helpers/operations-audience.ts'
import { newShop, times } from '../helpers/setup.ts'
import { until } from '../helpers/until.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const clock = createTestClock()
let app: TestApp
let workers: TestApp[]
let project: TestProject
beforeAll(async () => {
  app = await startTestApp({ clock })
  workers = await Promise.all(times(3, () => app.another()))
  project = await newShop(app, null)
  await project.api.do(UpsertContacts, {
    contacts: times(6, (n) => ({ externalId: `c${n}`, firstName: `N${n}`, profile: { set: { plan: n < 3 ? 'pro' : 'free' } } })),
  })
  await project.api.do(UpsertTemplates, { templates: [{ key: 'hello', inApp: [{ body: 'Hello {{ firstName }}{{ n }}' }] }] })
  await project.api.do(UpsertSegments, {
    segments: [{ key: 'pro', where: { profile: { path: 'plan', is: 'EQUALS', value: 'pro' } } }],
  })
})
afterAll(() => app.stop())

const put = async (campaign: object) =>
  (await project.api.do(UpsertCampaigns, { campaigns: [campaign as never] })).upsertCampaigns[0]
const get = async (key: string) => (await project.api.do(GetCampaign, { key })).campaign
const refusal = async (campaign: object) => {
  const { codes, errors } = await project.api.ask(UpsertCampaigns, {
    campaigns: [
      { key: 'fine', template: 'hello' },
      { key: 'bad', template: 'hello', ...campaign },
    ] as never,
  })
  return [codes[0], errors[0]?.extensions['index'], errors[0]?.extensions['field']]
}
/** What a campaign has sent so far. */
const sentBy = async (key: string) => {
  const { notifications } = await project.api.do(CampaignNotifications, {})
  return notifications.nodes.filter((one) => one.campaign?.key === key)
}
const inSoon = (ms: number): string => new Date(clock.now().getTime() + ms).toISOString()
let probes = 0
/** Every worker has checked twice since now: what was due has begun. */
const settled = async (): Promise<void> => {
  const probe = `probe-${++probes}`
  await put({ key: probe, dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { at: inSoon(0) } })
  await until('the probe ran', async () => (await sentBy(probe)).length === 3)
  await project.api.do(DeleteCampaigns, { keys: [probe] })
}

describe('upsertCampaigns', () => {
  it('keeps a campaign, and changes what is given', async () => {
    const made = await put({
      key: 'weekly',
      name: 'Weekly',
      dispatch: 'SEGMENT',
      channel: 'IN_APP',
      template: 'hello',
      segment: 'pro',
      schedule: { cron: '0 9 * * MON', timezone: 'Asia/Seoul' },
    })
    expect(made).toMatchObject({
      ...{ key: 'weekly', name: 'Weekly', active: true, dispatch: 'SEGMENT', channel: 'IN_APP' },
      template: { key: 'hello' },
      segment: { key: 'pro' },
      schedule: { at: null, cron: '0 9 * * MON', timezone: 'Asia/Seoul', onEvent: null },
      nextRunAt: expect.stringMatching(/T00:00:00\.000Z$/),
    })
    expect(await put({ key: 'weekly', name: null, active: false })).toMatchObject({
      ...{ name: 'weekly', active: false, nextRunAt: null, segment: { key: 'pro' } },
      schedule: { cron: '0 9 * * MON' },
    })
    expect(await put({ key: 'weekly', active: true })).toMatchObject({ nextRunAt: made?.nextRunAt })
    expect(await put({ key: 'weekly', schedule: null, segment: null, dispatch: 'API', channel: null })).toMatchObject({
      ...{ dispatch: 'API', schedule: null, segment: null, nextRunAt: null, channel: 'IN_APP' },
    })
    // No channel of its own: the first of its template's.
    expect(await put({ key: 'weekly', template: 'order' })).toMatchObject({ channel: 'IN_APP', template: { key: 'order' } })
    const { campaigns } = await project.api.do(GetCampaign, { key: 'none' })
    expect(campaigns.nodes).toEqual([{ key: 'weekly' }])
    expect((await project.api.do(DeleteCampaigns, { keys: ['weekly', 'none'] })).deleteCampaigns.deletedCount).toBe(1)
    expect(await get('weekly')).toBeNull()
  })

  it('I31: refuses a schedule that is none, naming the field and the index, and keeps none of the batch', async () => {
    const schedule = (given: object) => refusal({ dispatch: 'SEGMENT', segment: 'pro', schedule: given })
    for (const cron of [
      '* * * * * *',
      '* * * *',
      '@daily',
      '60 * * * *',
      'a b c d e',
      '0 0 30 2 *',
      '',
      ' ',
      `${'0,'.repeat(200)}0 * * * *`,
    ]) {
      expect(await schedule({ cron }), cron).toEqual(['BAD_INPUT', 1, 'schedule.cron'])
    }
    for (const timezone of ['Mars/Base', '', '+09:00']) {
      expect(await schedule({ cron: '0 9 * * *', timezone }), timezone).toEqual(['BAD_INPUT', 1, 'schedule.timezone'])
    }
    expect(await schedule({})).toEqual(['BAD_INPUT', 1, 'schedule'])
    expect(await schedule({ cron: '0 9 * * *', onEvent: 'x' })).toEqual(['BAD_INPUT', 1, 'schedule'])
    expect(await schedule({ at: inSoon(HOUR_MS), cron: '0 9 * * *' })).toEqual(['BAD_INPUT', 1, 'schedule'])
    expect(await schedule({ at: inSoon(-HOUR_MS) })).toEqual(['BAD_INPUT', 1, 'schedule.at'])
    expect(await schedule({ onEvent: '' })).toEqual(['BAD_INPUT', 1, 'schedule.onEvent'])
    expect(await get('bad')).toBeNull()
    expect(await refusal({ dispatch: 'SEGMENT', schedule: { cron: '0 9 * * *' } })).toEqual(['BAD_INPUT', 1, 'segment'])
    expect(await refusal({ schedule: { cron: '0 9 * * *' } })).toEqual(['BAD_INPUT', 1, 'schedule'])
    expect(await refusal({ segment: 'pro' })).toEqual(['BAD_INPUT', 1, 'segment'])
    expect(await refusal({ template: 'none' })).toEqual(['TEMPLATE_NOT_FOUND', 1, 'template'])
    expect(await refusal({ template: null })).toEqual(['BAD_INPUT', 1, 'template'])
    expect(await refusal({ dispatch: 'SEGMENT', segment: 'none' })).toEqual(['NOT_FOUND', 1, 'segment'])
    expect(await refusal({ key: '' })).toEqual(['BAD_INPUT', 1, 'key'])
    expect(await get('fine')).toBeNull()
    const campaigns = times(1001, (n) => ({ key: `k${n}`, template: 'hello' }))
    expect((await project.api.ask(UpsertCampaigns, { campaigns })).codes).toEqual(['BATCH_TOO_LARGE'])
  })

  it('a segment that a campaign uses is not deleted, and the answer says which campaign', async () => {
    await put({ key: 'user', dispatch: 'SEGMENT', template: 'hello', segment: 'pro' })
    const { codes, errors } = await project.api.ask(DeleteSegments, { keys: ['none', 'pro'] })
    expect([codes, errors[0]?.extensions['index'], errors[0]?.message]).toEqual([
      ['BAD_INPUT'],
      1,
      'The campaign "user" uses the segment "pro": change or delete it first.',
    ])
    await project.api.do(DeleteCampaigns, { keys: ['user'] })
  })
})

describe('a cron', () => {
  const runs = (cron: string, timezone: string, from: string, count: number) => {
    const schedule = checkSchedule({ cron, timezone }, new Date(from))
    const found: string[] = []
    for (let at: Date | null = new Date(from); at !== null && found.length < count; ) {
      at = nextRunOf(schedule, at)
      if (at !== null) found.push(at.toISOString())
    }
    return found
  }
  it('keeps its hour of the day when clocks change', () => {
    expect(runs('0 9 * * *', 'Europe/London', '2026-03-27T12:00:00Z', 3)).toEqual([
      '2026-03-28T09:00:00.000Z',
      '2026-03-29T08:00:00.000Z',
      '2026-03-30T08:00:00.000Z',
    ])
  })
  it('runs once in the night that has no such hour, and once in the night that has it twice', () => {
    expect(runs('30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', 2)).toEqual([
      '2026-03-08T07:00:00.000Z',
      '2026-03-09T06:30:00.000Z',
    ])
    expect(runs('30 1 * * *', 'America/New_York', '2026-10-31T12:00:00Z', 2)).toEqual([
      '2026-11-01T05:30:00.000Z',
      '2026-11-02T06:30:00.000Z',
    ])
  })
})

describe('a campaign by the clock', () => {
  it('F38: four workers run each tick once, for each contact of the segment, and move on to the next', async () => {
    expect(workers).toHaveLength(3)
    const made = await put({
      ...{ key: 'daily', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { cron: '0 9 * * *' } },
    })
    for (const day of [1, 2, 3]) {
      const due = Date.parse((await get('daily'))?.nextRunAt ?? '')
      clock.advance(due - clock.now().getTime() + 1000)
      await until(`run ${day}`, async () => (await sentBy('daily')).length === 3 * day)
      await until('it has moved on', async () => Date.parse((await get('daily'))?.nextRunAt ?? '') === due + DAY_MS)
    }
    await settled()
    const sent = await sentBy('daily')
    expect(sent).toHaveLength(9)
    const byContact = Map.groupBy(sent, (one) => one.contact?.externalId)
    expect([...byContact.keys()].sort()).toEqual(['c0', 'c1', 'c2'])
    expect(new Set(sent.map((one) => one.transactionId)).size).toBe(3)
    expect(sent[0]?.transactionId).toContain(made?.id)
    await put({ key: 'daily', active: false })
  })

  it('F38: missed ticks are made up for by one run', async () => {
    await put({ key: 'hourly', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { cron: '15 * * * *' } })
    clock.advance(30 * HOUR_MS)
    await until('it ran', async () => (await sentBy('hourly')).length === 3)
    await until('it has moved on', async () => Date.parse((await get('hourly'))?.nextRunAt ?? '') > clock.now().getTime())
    await settled()
    expect(await sentBy('hourly')).toHaveLength(3)
    await put({ key: 'hourly', active: false })
    clock.advance(2 * HOUR_MS)
    await settled()
    expect(await sentBy('hourly')).toHaveLength(3)
  })

  it('`at` runs once, also when the same schedule is stored again', async () => {
    const once = { key: 'once', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { at: inSoon(HOUR_MS) } }
    await put(once)
    await settled()
    expect(await sentBy('once')).toEqual([])
    clock.advance(HOUR_MS + 1000)
    await until('it ran', async () => (await sentBy('once')).length === 3)
    await until('it will not again', async () => (await get('once'))?.nextRunAt === null)
    expect(await put(once)).toMatchObject({ nextRunAt: null })
    await settled()
    expect(await sentBy('once')).toHaveLength(3)
  })

  it('I31: far in the future it does not run at once', async () => {
    const far = await put({
      ...{ key: 'far', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { at: '9999-12-31T00:00:00Z' } },
    })
    expect(far?.nextRunAt).toBe('9999-12-31T00:00:00.000Z')
    await settled()
    expect(await sentBy('far')).toEqual([])
  })

  it('a run that can not begin is skipped, and the next one comes', async () => {
    await project.api.do(UpsertTemplates, { templates: [{ key: 'off', inApp: [{ body: 'x' }] }] })
    await put({ key: 'stuck', dispatch: 'SEGMENT', template: 'off', segment: 'pro', schedule: { cron: '0 * * * *' } })
    await project.api.do(UpsertTemplates, { templates: [{ key: 'off', active: false }] })
    const before = (await get('stuck'))?.nextRunAt ?? ''
    clock.advance(HOUR_MS)
    await until('it has moved on', async () => ((await get('stuck'))?.nextRunAt ?? '') > before)
    await settled()
    expect(await sentBy('stuck')).toEqual([])
    await project.api.do(UpsertTemplates, { templates: [{ key: 'off', active: true }] })
    clock.advance(HOUR_MS)
    await until('the next one comes', async () => (await sentBy('stuck')).length === 3)
    await project.api.do(DeleteCampaigns, { keys: ['stuck'] })
  })

  it('what a campaign has sent stays when it is deleted', async () => {
    await put({ key: 'brief', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { at: inSoon(0) } })
    await until('it ran', async () => (await sentBy('brief')).length === 3)
    const [{ transactionId } = { transactionId: '' }] = await sentBy('brief')
    await project.api.do(DeleteCampaigns, { keys: ['brief'] })
    const { notifications } = await project.api.do(CampaignNotifications, { filter: { transactionId } })
    expect(notifications.nodes.map((one) => one.campaign)).toEqual([null, null, null])
  })
})

describe('a worker that died', () => {
  const record = async (text: string, values: readonly unknown[]): Promise<number> => {
    const client = new pg.Client({ connectionString: app.databaseUrl })
    await client.connect()
    try {
      return (await client.query(text, [...values])).rowCount ?? 0
    } finally {
      await client.end()
    }
  }

  it('F38: killed after it began a run and before it moved the campaign on, begins it once', async () => {
    await put({ key: 'crashed', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { cron: '30 * * * *' } })
    const tick = (await get('crashed'))?.nextRunAt
    clock.advance(HOUR_MS)
    await until('it ran', async () => (await sentBy('crashed')).length === 3)
    await until('it has moved on', async () => (await get('crashed'))?.nextRunAt !== tick)
    expect(await record('UPDATE campaign SET next_run_at = $1 WHERE key = $2', [tick, 'crashed'])).toBe(1)
    await until('it has moved on again', async () => (await get('crashed'))?.nextRunAt !== tick)
    await settled()
    expect(await sentBy('crashed')).toHaveLength(3)
    await put({ key: 'crashed', active: false })
  })

  it('F38: killed after it answered an event and before it recorded that, answers it once', async () => {
    await put({ key: 'repeated', dispatch: 'SEGMENT', template: 'hello', schedule: { onEvent: 'repeat' } })
    await project.api.do(TrackEvents, { events: times(3, (n) => ({ name: 'repeat', contact: `c${n}` })) })
    await until('they are answered', async () => (await sentBy('repeated')).length === 3)
    const again = `INSERT INTO campaign_trigger (project_id, campaign_id, event_id)
      SELECT k.project_id, k.id, e.id FROM campaign k JOIN event e ON e.project_id = k.project_id AND e.name = 'repeat'
      WHERE k.key = 'repeated' ON CONFLICT DO NOTHING`
    await until('nothing waits', async () => (await record(again, [])) === 3)
    await settled()
    const waits = 'SELECT 1 FROM campaign_trigger g JOIN campaign k ON k.id = g.campaign_id WHERE k.key = $1'
    await until('they are dropped', async () => (await record(waits, ['repeated'])) === 0)
    expect(await sentBy('repeated')).toHaveLength(3)
    await put({ key: 'repeated', active: false })
  })
})

describe('a campaign on an event', () => {
  it('LY-15, LY-18: sends once for each event whose contact is in the segment, with the params as data', async () => {
    await put({ key: 'thanks', dispatch: 'SEGMENT', template: 'hello', segment: 'pro', schedule: { onEvent: 'paid' } })
    await put({ key: 'all', dispatch: 'SEGMENT', channel: 'IN_APP', template: 'hello', schedule: { onEvent: 'paid' } })
    await put({ key: 'asleep', active: false, dispatch: 'SEGMENT', template: 'hello', schedule: { onEvent: 'paid' } })
    await project.api.do(TrackEvents, {
      events: [
        ...times(6, (n) => ({ name: 'paid', contact: `c${n}`, params: { n } })),
        { name: 'paid', contact: 'c0', params: { n: 'again' } },
        { name: 'paid', contact: 'new', params: {} },
        { name: 'paid', isGlobal: true },
        { name: 'other', contact: 'c0' },
      ],
    })
    await until('all are told', async () => (await sentBy('all')).length === 8)
    await until('the segment is told', async () => (await sentBy('thanks')).length === 4)
    await settled()
    expect((await sentBy('thanks')).map((one) => [one.contact?.externalId, one.data['n']]).sort()).toEqual([
      ['c0', 0],
      ['c0', 'again'],
      ['c1', 1],
      ['c2', 2],
    ])
    expect(await sentBy('all')).toHaveLength(8)
    expect(await sentBy('asleep')).toEqual([])
    const { feed } = await (await project.page('c4')).do(Feed, {})
    expect(feed.nodes[0]?.body).toBe('Hello N44')
    await project.api.do(DeleteCampaigns, { keys: ['thanks', 'all', 'asleep'] })
    await project.api.do(TrackEvents, { events: [{ name: 'paid', contact: 'c0' }] })
  })

  it('LY-18: a thousand events are each answered once by four workers', async () => {
    await put({ key: 'busy', dispatch: 'SEGMENT', template: 'note', schedule: { onEvent: 'tick' } })
    const events = times(1000, (n) => ({ name: 'tick', contact: `b${n % 100}`, params: { n } }))
    await project.api.do(TrackEvents, { events })
    const count = async () => {
      const { notifications } = await project.api.do(CampaignNotifications, { filter: { templates: ['note'] } })
      return notifications.totalCount
    }
    await until('all are answered', async () => (await count()) >= 1000)
    await settled()
    expect(await count()).toBe(1000)
  })
})
