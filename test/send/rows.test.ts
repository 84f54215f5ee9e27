/** Rows: what each decision becomes in the table of messages, for single messages and chunks alike. */
import { describe, expect, it } from 'vitest'
import { HELD_UNTIL, heldUntil } from '../../src/db/held.ts'
import { CarillonError, problem } from '../../src/errors.ts'
import type { InAppText } from '../../src/render/renderer.ts'
import type { ChannelDecision } from '../../src/send/decide.ts'
import type { Intent } from '../../src/send/intent.ts'
import type { PlannedMessage } from '../../src/send/plan.ts'
import { holdingOf, messageRow, notificationRow } from '../../src/send/rows.ts'
import type { NotBefore } from '../../src/send/rule.ts'
import type { Channel } from '../../src/words.ts'
import { contact, project, template } from '../helpers/facts.ts'

const now = '2030-01-01T00:00:00.000Z'
const at = new Date(now)
const moment = { now, offsetMs: 0 }
const decisionOf = (channel: Channel, more: Partial<ChannelDecision> = {}): ChannelDecision => ({
  channel,
  locale: 'en',
  address: null,
  provider: null,
  reason: null,
  notBefore: null,
  onlyIf: 'ALWAYS',
  targets: [],
  ...more,
})
const text: InAppText = { title: 'Hello', body: 'World', iconUrl: null, url: null, actions: [] }
const broken = new CarillonError('TEMPLATE_BROKEN', { message: 'It takes too long.' })
const later: NotBefore = { at: new Date('2030-01-02T00:00:00.000Z') }

describe('a message that is sent', () => {
  it.each<[string, Partial<ChannelDecision>, object]>([
    ['is queued at once', {}, { status: 'QUEUED', dueInMs: 0, onlyIf: null }],
    ['is scheduled for its delay', { notBefore: { inMs: 600_000 } }, { status: 'SCHEDULED', dueInMs: 600_000 }],
    ['is scheduled for its time', { notBefore: later }, { status: 'SCHEDULED', dueAt: '2030-01-02T00:00:00.000Z' }],
    ['keeps its condition', { onlyIf: 'UNREAD' }, { status: 'QUEUED', dueInMs: 0, onlyIf: 'UNREAD' }],
  ])('%s', (_title, more, expected) => {
    const row = messageRow(decisionOf('EMAIL', more), null, moment)
    expect(row).toMatchObject({ channel: 'EMAIL', arrives: false, ...expected })
    expect(row.history).toEqual([[row.status, now, null]])
    expect([row.errorCode, row.errorMessage]).toEqual([undefined, undefined])
  })
  it('counts the offset of the clock into a delay, not into a time or what is due at once', () => {
    const moved = { now, offsetMs: 5_000 }
    expect(messageRow(decisionOf('SMS', { notBefore: { inMs: 1_000 } }), null, moved)).toMatchObject({ dueInMs: 6_000 })
    expect(messageRow(decisionOf('SMS'), null, moved)).toMatchObject({ dueInMs: 0 })
    expect(messageRow(decisionOf('SMS', { notBefore: later }), null, moved)).toMatchObject({ dueAt: '2030-01-02T00:00:00.000Z' })
  })
})

it('a silent message is skipped, and its history has the code', () => {
  expect(messageRow(decisionOf('EMAIL', { reason: problem('OPTED_OUT'), notBefore: later }), null, moment)).toEqual({
    channel: 'EMAIL',
    status: 'SKIPPED',
    arrives: false,
    errorCode: 'OPTED_OUT',
    errorMessage: 'The contact has opted out.',
    history: [['SKIPPED', now, 'OPTED_OUT']],
  })
})

describe('an in-app message', () => {
  it('that is rendered arrives in its feed at once', () => {
    expect(messageRow(decisionOf('IN_APP'), text, moment)).toEqual({
      channel: 'IN_APP',
      status: 'DELIVERED',
      arrives: true,
      history: [['DELIVERED', now, null]],
      ...text,
    })
  })
  it('that can not be rendered fails, and says why', () => {
    expect(messageRow(decisionOf('IN_APP'), broken, moment)).toEqual({
      channel: 'IN_APP',
      status: 'FAILED',
      arrives: false,
      errorCode: 'TEMPLATE_BROKEN',
      errorMessage: 'It takes too long.',
      history: [['FAILED', now, null]],
    })
  })
  it.each<[string, Partial<ChannelDecision>, string]>([
    ['that waits is scheduled', { notBefore: later }, 'SCHEDULED'],
    ['that has a condition is queued for a worker', { onlyIf: 'OFFLINE' }, 'QUEUED'],
    ['whose template is slow is queued for a worker', { isSlow: true }, 'QUEUED'],
  ])('%s', (_title, more, status) => {
    expect(messageRow(decisionOf('IN_APP', more), null, moment)).toMatchObject({ status, arrives: false })
  })
})

describe('while a deferred in-app message decides whether the notification folds', () => {
  const holding = decisionOf('IN_APP', { notBefore: { inMs: 60_000 } })
  it.each<[string, NotBefore, string]>([
    ['that was due at once', null, HELD_UNTIL],
    ['that was due with it', { inMs: 60_000 }, HELD_UNTIL],
    ['that was due earlier', { inMs: 1_000 }, HELD_UNTIL],
    ['that is due ten minutes after it', { inMs: 660_000 }, heldUntil(600_000)],
  ])('another channel %s is held', (_title, notBefore, dueAt) => {
    expect(messageRow(decisionOf('EMAIL', { notBefore }), null, moment, holding)).toMatchObject({ status: 'SCHEDULED', dueAt })
  })
  it('neither it nor a silent channel is', () => {
    expect(messageRow(holding, null, moment, holding)).toMatchObject({ status: 'SCHEDULED', dueInMs: 60_000 })
    const silent = decisionOf('EMAIL', { reason: problem('SUPPRESSED') })
    expect(messageRow(silent, null, moment, holding)).toMatchObject({ status: 'SKIPPED' })
  })
  it.each<[string, string | null, ChannelDecision[], boolean]>([
    ['only with an incrementId', null, [holding], false],
    ['only if it is sent', 'i1', [{ ...holding, reason: problem('OPTED_OUT') }], false],
    ['only if it is deferred', 'i1', [decisionOf('IN_APP')], false],
    ['only on the channel in-app', 'i1', [decisionOf('EMAIL', { notBefore: later })], false],
    ['if it is slow', 'i1', [decisionOf('IN_APP', { isSlow: true })], true],
    ['if it waits', 'i1', [decisionOf('EMAIL'), holding], true],
  ])('which it does %s', (_title, incrementId, decisions, expected) => {
    expect(holdingOf(incrementId, decisions) !== null).toBe(expected)
  })
})

describe('the row of a notification', () => {
  const intent: Intent = {
    key: 'order-1',
    contentHash: 'ab',
    template: 'order',
    contact: { externalId: 'anna', fields: {}, properties: {} },
    actor: null,
    data: { n: 1 },
    overrides: null,
    incrementId: null,
    transactionId: null,
    when: null,
    channels: null,
  }
  const planned = (more: Partial<PlannedMessage> = {}): PlannedMessage => ({
    kind: 'message',
    project,
    intent,
    template,
    notification: { id: 'n1', transactionId: 'tx' },
    claimsTransaction: false,
    contactKey: 'p1 anna',
    actorKey: null,
    decisions: [decisionOf('IN_APP'), decisionOf('EMAIL')],
    when: null,
    inApp: text,
    window: null,
    digest: null,
    wakes: true,
    origin: null,
    outbound: [],
    outcome: () => ({
      ok: true,
      key: null,
      id: 'n1',
      notificationId: 'n1',
      transactionId: 'tx',
      channelCount: 1,
      silent: [],
      warnings: [],
      outbound: [],
    }),
    ...more,
  })
  const window = { id: 'w1', closesAt: new Date('2030-01-01T01:00:00.000Z') }
  it('has its channels, its contact and what the caller gave', () => {
    expect(notificationRow(planned(), contact, null, null, at)).toMatchObject({
      id: 'n1',
      key: 'order-1',
      contentHash: 'ab',
      channels: ['IN_APP', 'EMAIL'],
      contactId: 'c1',
      actorId: null,
      templateId: 't1',
      data: { n: 1 },
      sendAt: null,
      campaignId: null,
      digestId: null,
      createdAt: now,
    })
  })
  it.each<[string, Partial<PlannedMessage>, typeof window | null, object]>([
    ['is due when its caller says', { when: later }, null, { sendAt: '2030-01-02T00:00:00.000Z' }],
    ['is due after its delay', { when: { inMs: 90_000 } }, null, { sendAt: '2030-01-01T00:01:30.000Z' }],
    ['waits in its window', {}, window, { sendAt: '2030-01-01T01:00:00.000Z', digestId: 'w1' }],
    [
      'is the digest that it closes',
      { digest: { id: 'd1', items: { count: 0, items: [], latest: {} } } },
      null,
      { digestId: 'd1' },
    ],
    ['is of its campaign', { origin: { bulk: true, campaignId: 'k1' } }, null, { campaignId: 'k1' }],
    ['has no template where it brings its content', { template: null }, null, { templateId: null }],
  ])('%s', (_title, more, joined, expected) => {
    expect(notificationRow(planned(more), contact, null, joined, at)).toMatchObject(expected)
  })
  it('has no contact where it goes to a bare address', () => {
    expect(notificationRow(planned({ contactKey: null }), null, null, null, at)).toMatchObject({ contactId: null })
  })
})
