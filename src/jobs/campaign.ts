/**
 * Runs campaigns: those whose time has come, and those that answer an event.
 *
 * A run begins under a transaction that is named after the campaign and its time, or its event, and such a name is taken once, for ever:
 * of many workers that find it due, and of one that died half-way and comes again, one begins it. Only then is the campaign moved on.
 */
import { findInSegment } from '../db/audience.ts'
import {
  advanceCampaign,
  dropTriggers,
  findDueCampaigns,
  type RunningCampaign,
  type Trigger,
  takeTriggers,
} from '../db/campaign.ts'
import type { Database } from '../db/database.ts'
import { type AcceptDeps, createAccept, type SendOutcome } from '../domain/accept.ts'
import { scheduleOf } from '../domain/campaign.ts'
import { createFanouts } from '../domain/fanout.ts'
import { nextRunOf } from '../domain/schedule.ts'
import type { Intent } from '../domain/send.ts'
import { CarillonError, type Problem } from '../errors.ts'
import type { Log } from '../log.ts'

/** What campaigns run with. */
export interface CampaignRunDeps extends AcceptDeps {
  readonly db: Database
  readonly log: Log
}

/** Campaigns and events that are taken at a time; how long a worker that took events may be silent before others take them. */
const CAMPAIGNS = 20
const TRIGGERS = 200
const LEASE_MS = 60_000

/** Makes the work of the campaigns' pump: begins all that is due; takes nothing new once the signal is aborted. */
export function createCampaignRuns(deps: CampaignRunDeps): (signal: AbortSignal) => Promise<void> {
  const { db, clock, log } = deps
  const { start } = createFanouts(deps)
  const accept = createAccept(deps)

  /** Nobody is there to hear of it: the run is passed over, and the next one may do better. */
  const passOver = ({ project, key }: RunningCampaign, { code, message }: Pick<Problem, 'code' | 'message'>): void => {
    if (code === 'TRANSACTION_EXISTS') return
    log.warn('A run of a campaign was passed over', { project: project.key, campaign: key, code, message })
  }

  async function runOne(campaign: Awaited<ReturnType<typeof findDueCampaigns>>[number]): Promise<void> {
    const { project, id, template, channel, segment, nextRunAt } = campaign
    try {
      await start(project, {
        audience: segment === null ? { kind: 'all' } : { kind: 'segment', ...segment },
        ...{ template, data: {}, campaignId: id, channels: channel === null ? null : [channel] },
        transactionId: `campaign-${id}-${nextRunAt.toISOString()}`,
      })
    } catch (error) {
      if (!(error instanceof CarillonError) || error.retryable) throw error
      passOver(campaign, error)
    }
    const schedule = scheduleOf(campaign)
    // From now on, not from the time that was due: what was missed meanwhile is made up for by this one run.
    const next = schedule?.cron ? nextRunOf(schedule, clock.now()) : null
    await advanceCampaign(db.pool, project.id, id, nextRunAt, next)
  }

  async function runDue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = await findDueCampaigns(db.pool, CAMPAIGNS, clock.offsetMs)
      // One campaign's trouble is not the others'.
      const ended = await Promise.allSettled(due.map(runOne))
      for (const one of ended) if (one.status === 'rejected') throw one.reason
      if (due.length < CAMPAIGNS) return
    }
  }

  /** Those of the events whose contacts are in their campaign's segment, or whose campaign has none. */
  async function inSegment(triggers: readonly Trigger[]): Promise<Trigger[]> {
    const wanted = triggers.filter((one) => one.isWanted)
    const lists = [...Map.groupBy(wanted, (one) => `${one.project.id} ${one.id}`).values()]
    const kept = await Promise.all(
      lists.map(async (list) => {
        const [first] = list
        if (first === undefined || first.segment === null) return list
        const contacts = list.map((one) => one.contactId)
        const found = await findInSegment(db.pool, first.project.id, contacts, first.segment.condition, clock.offsetMs)
        return list.filter((one) => found.has(one.contactId))
      }),
    )
    return kept.flat()
  }

  const intentOf = ({ id, eventId, contact, template, channel, params }: Trigger): Intent => ({
    ...{ key: null, contentHash: null, actor: null, overrides: null, incrementId: null, when: null },
    ...{ template, data: params, channels: channel === null ? null : [channel] },
    contact: { externalId: contact, fields: {}, properties: {} },
    transactionId: `campaign-${id}-${eventId}`,
  })

  async function answer(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const triggers = await takeTriggers(db.pool, TRIGGERS, LEASE_MS)
      if (triggers.length === 0) return
      const wanted = await inSegment(triggers)
      const calls = [...Map.groupBy(wanted, (one) => `${one.project.id} ${one.id}`).values()]
      await Promise.all(
        calls.map(async (list) => {
          const [first] = list
          if (first === undefined) return
          const outcomes: SendOutcome[] = await accept({
            project: first.project,
            intents: list.map(intentOf),
            origin: { bulk: false, campaignId: first.id },
          })
          outcomes.forEach((outcome, index) => {
            const trigger = list[index]
            if (!outcome.ok && trigger !== undefined) passOver(trigger, outcome.error)
          })
        }),
      )
      await dropTriggers(db.pool, triggers)
      if (triggers.length < TRIGGERS) return
    }
  }

  return async (signal) => {
    // A campaign that can't be run keeps no event from being answered.
    const [ran, answered] = await Promise.allSettled([runDue(signal), answer(signal)])
    for (const one of [ran, answered]) if (one.status === 'rejected') throw one.reason
  }
}
