/**
 * Runs campaigns: those that are due, and those that are triggered by an event.
 *
 * The transaction id of a run is made of the campaign and the time or event of the run, and an id can be taken only once. So a run begins
 * once, even if several workers find it due, or a worker crashes before it has advanced the campaign and the run is found again.
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
import { bySystem } from '../domain/audit.ts'
import { scheduleOf } from '../domain/campaign.ts'
import { nextRunOf } from '../domain/schedule.ts'
import { CarillonError, type Problem } from '../errors.ts'
import type { Log } from '../log.ts'
import { createAccept } from '../send/accept.ts'
import type { SendDeps } from '../send/deps.ts'
import { createFanouts } from '../send/fanout.ts'
import type { Intent } from '../send/intent.ts'
import type { SendOutcome } from '../send/outcome.ts'

/** What `createCampaignRuns` needs. */
export interface CampaignRunDeps extends SendDeps {
  readonly log: Log
}

/** Due campaigns that are read at a time. */
const CAMPAIGNS = 20
/** Events that are claimed at a time. */
const TRIGGERS = 200
/** How long claimed events are left to the worker that claimed them. */
const LEASE_MS = 60_000

/** @returns a function that begins all due runs; it begins no further batch once the signal is aborted */
export function createCampaignRuns(deps: CampaignRunDeps): (signal: AbortSignal) => Promise<void> {
  const { db, clock, log } = deps
  const { start } = createFanouts(deps)
  const accept = createAccept(deps)

  /** A run has no caller to report an error to: it is skipped with a warning. */
  const skip = ({ project, key }: RunningCampaign, { code, message }: Pick<Problem, 'code' | 'message'>): void => {
    if (code === 'TRANSACTION_EXISTS') return
    log.warn('A run of a campaign was skipped', { project: project.key, campaign: key, code, message })
  }

  async function runOne(campaign: Awaited<ReturnType<typeof findDueCampaigns>>[number]): Promise<void> {
    const { project, id, template, channel, segment, nextRunAt } = campaign
    try {
      await start(project, {
        audience: segment === null ? { kind: 'all' } : { kind: 'segment', ...segment },
        template,
        data: {},
        campaignId: id,
        channels: channel === null ? null : [channel],
        transactionId: `campaign-${id}-${nextRunAt.toISOString()}`,
        by: bySystem,
      })
    } catch (error) {
      if (!(error instanceof CarillonError) || error.retryable) throw error
      skip(campaign, error)
    }
    const schedule = scheduleOf(campaign)
    // The next run is computed from now, not from the time that was due: this run stands in for all that were missed.
    const next = schedule?.cron ? nextRunOf(schedule, clock.now()) : null
    await advanceCampaign(db.pool, project.id, id, nextRunAt, next)
  }

  async function runDue(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = await findDueCampaigns(db.pool, CAMPAIGNS, clock.offsetMs)
      // A campaign that fails does not keep the others from running.
      const ended = await Promise.allSettled(due.map(runOne))
      for (const one of ended) if (one.status === 'rejected') throw one.reason
      if (due.length < CAMPAIGNS) return
    }
  }

  /** The triggers whose contact is in the campaign's segment, or whose campaign has no segment. */
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
    key: null,
    contentHash: null,
    template,
    contact: { externalId: contact, fields: {}, properties: {} },
    actor: null,
    data: params,
    overrides: null,
    incrementId: null,
    when: null,
    channels: channel === null ? null : [channel],
    transactionId: `campaign-${id}-${eventId}`,
  })

  async function runTriggered(signal: AbortSignal): Promise<void> {
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
            if (!outcome.ok && trigger !== undefined) skip(trigger, outcome.error)
          })
        }),
      )
      await dropTriggers(db.pool, triggers)
      if (triggers.length < TRIGGERS) return
    }
  }

  return async (signal) => {
    // A failure of one does not keep the other from running.
    const ended = await Promise.allSettled([runDue(signal), runTriggered(signal)])
    for (const one of ended) if (one.status === 'rejected') throw one.reason
  }
}
