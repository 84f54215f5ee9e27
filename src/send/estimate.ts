/**
 * `estimate`: whom a send to many would reach, and why not the others. Each contact is decided for by the function that decides when the send is
 * written (chunk.ts); nothing is stored.
 */
import { setImmediate } from 'node:timers/promises'
import { AFTER_ALL, countContacts, readSample, type SampleRange, within } from '../db/estimate.ts'
import { countMembers } from '../db/fanout.ts'
import { conditionOf } from '../domain/segment.ts'
import { CarillonError } from '../errors.ts'
import type { ContactInfo, ProjectInfo, TemplateInfo } from '../words.ts'
import { type DecidedOf, decideMember } from './chunk.ts'
import type { SendDeps } from './deps.ts'
import type { BroadcastInput, createFanouts, Many } from './fanout.ts'
import { lookUpMembers } from './known.ts'
import type { RecipientInput } from './recipient.ts'
import { whenOf } from './rule.ts'
import { createTally, type Tally } from './tally.ts'
import type { createTrigger } from './trigger.ts'

/** The input: a broadcast, or a campaign. */
export interface EstimateInput extends Omit<BroadcastInput, 'id' | 'template' | 'transactionId'> {
  readonly template?: string | null | undefined
  readonly campaign?: string | null | undefined
  readonly recipients?: readonly RecipientInput[] | null | undefined
}

/** Whom a send would reach. */
export interface Estimate extends Tally {
  /** contacts of the audience, or recipients that were named */
  readonly audience: number
  /** all of them were decided for; false: `decided`, and the numbers are projections */
  readonly isExact: boolean
  readonly decided: number
  /** recipients with the address of an earlier one */
  readonly duplicates: number
}

/** Larger audiences are estimated by a sample. */
export const EXACT_MAX = 10_000
/** Contacts of a sample, about. */
export const SAMPLE = 4_000
/** Contacts that are read at a time. */
const PAGE = 1_000
/** Contacts that are decided before the process handles other events. */
const SLICE = 125
/** How long counting an audience may take, ms; then it is estimated as well. */
const COUNT_MS = 2_000
/** How long reading contacts of it may take, ms. */
const READ_MS = 4_000
/** A sample that has more contacts than this, because the audience was not counted, is cut off. */
const SAMPLE_MAX = 4 * SAMPLE

/** What estimating needs. */
export interface EstimateDeps extends SendDeps {
  readonly fanouts: Pick<ReturnType<typeof createFanouts>, 'check' | 'manyOf'>
  readonly trigger: Pick<ReturnType<typeof createTrigger>, 'rehearse'>
}

const tooSlow = () =>
  new CarillonError('OVERLOADED', {
    message: 'The audience could not be read in time. Try again when the database is less busy.',
  })

/** Creates `estimate`. */
export function createEstimate(deps: EstimateDeps) {
  const { db, clock, contents, fanouts, trigger } = deps

  /** What an input would send. @throws BAD_INPUT, NOT_FOUND */
  async function manyOf(projectId: string, { campaign: key, template, ...input }: EstimateInput): Promise<Omit<Many, 'by'>> {
    if (key === null || key === undefined) {
      if (template === null || template === undefined)
        throw new CarillonError('BAD_INPUT', { field: 'template', message: 'template is missing: name it, or a campaign.' })
      return fanouts.manyOf(projectId, { ...input, template })
    }
    for (const field of ['topic', 'segment', 'data', 'actor', 'overrides', 'sendAt'] as const) {
      if (input[field] !== null && input[field] !== undefined)
        throw new CarillonError('BAD_INPUT', { field, message: `${field} and campaign exclude each other.` })
    }
    if (template !== null && template !== undefined)
      throw new CarillonError('BAD_INPUT', { field: 'template', message: 'template and campaign exclude each other.' })
    const campaign = key.includes('\0')
      ? null
      : await db.prisma.campaign.findUnique({
          where: { projectId_key: { projectId, key } },
          include: { template: { select: { key: true } }, segment: true },
        })
    if (campaign === null) throw new CarillonError('NOT_FOUND', { field: 'campaign', message: 'There is no such campaign.' })
    if (campaign.dispatch !== 'SEGMENT')
      throw new CarillonError('BAD_INPUT', {
        field: 'recipients',
        message: 'recipients is missing: this campaign is triggered for those of a call.',
      })
    const { segment, channel } = campaign
    return {
      audience: segment === null ? { kind: 'all' } : { kind: 'segment', id: segment.id, condition: conditionOf(segment) },
      template: campaign.template.key,
      data: {},
      campaignId: campaign.id,
      channels: channel === null ? null : [channel],
    }
  }

  async function ofAudience(project: ProjectInfo, many: Omit<Many, 'by'>): Promise<Estimate> {
    const { template } = await fanouts.check(project, many)
    const audience = { project, audience: many.audience, cursor: null, until: AFTER_ALL }
    const total = await within(db.pool, COUNT_MS, (tx) => countMembers(tx, audience, clock.offsetMs))
    if (total !== null && total <= EXACT_MAX) {
      const { tally, decided } = await decideAll(project, many, template, 1, Number.POSITIVE_INFINITY)
      return { ...tally.total(), audience: decided, isExact: true, decided, duplicates: 0 }
    }
    const base = total ?? (await within(db.pool, COUNT_MS, (tx) => countContacts(tx, project)))
    if (base === null) throw tooSlow()
    const modulus = Math.max(1, Math.floor(base / SAMPLE))
    const { tally, decided } = await decideAll(project, many, template, modulus, SAMPLE_MAX)
    // What was not counted is projected from those of all contacts that are in the sample and in the audience.
    const size = total ?? decided * modulus
    return { ...tally.total(decided === 0 ? 0 : size / decided), audience: size, isExact: false, decided, duplicates: 0 }
  }

  /** Decides for the contacts of an audience, or for one of `modulus`. */
  async function decideAll(project: ProjectInfo, many: Omit<Many, 'by'>, template: TemplateInfo, modulus: number, max: number) {
    const audience = { project, audience: many.audience, cursor: null, until: AFTER_ALL }
    const when = whenOf(many.when ?? null, template)
    const fanout = { project, template, channels: many.channels ?? null }
    const held = contents.get({ projectId: project.id, ...template })
    const tally = createTally()
    const untilMs = performance.now() + READ_MS
    let after: string | null = null
    let decided = 0
    for (;;) {
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0) throw tooSlow()
      const range: SampleRange = { after, modulus, limit: Math.min(PAGE, max - decided) }
      const members: ContactInfo[] | null = await within(db.pool, leftMs, (tx) => readSample(tx, audience, range, clock.offsetMs))
      if (members === null) throw tooSlow()
      const { routes, credentials, suppressed } = await lookUpMembers(db.pool, deps, project.id, members)
      const of: DecidedOf = {
        fanout,
        contents: held,
        routes: routes.get(project.id) ?? new Map(),
        credentials,
        suppressed: suppressed.get(project.id) ?? new Map(),
      }
      for (const [index, contact] of members.entries()) {
        if (index > 0 && index % SLICE === 0) await setImmediate()
        tally.add(contact.externalId, decideMember(of, when, contact))
      }
      decided += members.length
      after = members.at(-1)?.id ?? null
      if (members.length < range.limit || decided >= max) return { tally, decided }
    }
  }

  /**
   * Whom a broadcast or a run of a campaign would reach now.
   * @throws what sending it throws; OVERLOADED where the audience can't be read in time
   */
  return async (project: ProjectInfo, input: EstimateInput): Promise<Estimate> => {
    const { campaign, recipients, ...others } = input
    if (recipients === null || recipients === undefined) return ofAudience(project, await manyOf(project.id, input))
    if (campaign === null || campaign === undefined)
      throw new CarillonError('BAD_INPUT', {
        field: 'campaign',
        message: 'campaign is missing: recipients are those of a campaign.',
      })
    for (const [field, value] of Object.entries(others)) {
      if (value !== null && value !== undefined)
        throw new CarillonError('BAD_INPUT', { field, message: `${field} and recipients exclude each other.` })
    }
    const { plans, skipped, duplicateCount } = await trigger.rehearse(project, campaign, recipients)
    const tally = createTally()
    for (const { name, decisions } of plans) tally.add(name, decisions)
    for (const { name, reason } of skipped) tally.refuse(name, reason)
    const audience = recipients.length
    return { ...tally.total(), audience, isExact: true, decided: audience, duplicates: duplicateCount }
  }
}
