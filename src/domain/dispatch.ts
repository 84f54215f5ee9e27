/**
 * Dispatching: one call, a list of recipients. A malformed one refuses the call; one that can't be reached is skipped; those who come
 * down to one address are told once. What is left is accepted together, in one transaction.
 */
import type { Database } from '../db/database.ts'
import { findRegisteredTexts } from '../db/lookup.ts'
import { CarillonError, type Problem, problem } from '../errors.ts'
import { registeredVariables } from '../render/registered-text.ts'
import type { AcceptDeps, Call, SendOutcome } from './accept.ts'
import { atIndex, checkEmail, checkId, checkKey, checkList, checkObject, checkPhone, checkText } from './check.ts'
import { type Accepted, type Known, keyOf, lookUp, planMessage } from './plan.ts'
import { checkRecipient, type Recipient, type RecipientInput } from './recipient.ts'
import type { Intent } from './send.ts'
import { suppressionKey } from './suppression.ts'
import type { Channel, DirectContent, JsonObject, ProjectInfo, TextType } from './words.ts'

/** What became of the recipients of a call. */
export interface Dispatched {
  readonly transactionId: string
  readonly acceptedCount: number
  readonly duplicateCount: number
  readonly skipped: readonly { readonly index: number; readonly error: Problem }[]
}

/** A text message to numbers. */
export interface TextInput {
  readonly type: TextType
  readonly title?: string | null | undefined
  readonly body: string
  readonly recipients: readonly { readonly phoneNumber: string }[]
}
/** A registered template to numbers. */
export interface AlimtalkInput {
  readonly templateCode: string
  readonly recipients: readonly { readonly phoneNumber: string; readonly parameters?: JsonObject | null | undefined }[]
}
/** Texts to numbers. */
export interface FriendtalkInput {
  readonly messageType?: 'TEXT' | 'IMAGE' | 'WIDE' | null | undefined
  readonly isAd?: boolean | null | undefined
  readonly recipients: readonly { readonly phoneNumber: string; readonly text: string }[]
}

/** What dispatching works with. */
export interface DispatchDeps extends AcceptDeps {
  readonly db: Database
  accept(call: Call): Promise<SendOutcome[]>
}

/** At most so many recipients in one call. */
const RECIPIENTS_MAX = 1_000

/** What to say to one recipient, or why nothing. */
type Asked = Intent | Problem
const isProblem = (asked: Asked): asked is Problem => 'retryable' in asked

/** All that an intent need not have. */
const PLAIN = { key: null, contentHash: null, actor: null, overrides: null, incrementId: null, when: null } as const

/** Makes the operations that dispatch. */
export function createDispatch(deps: DispatchDeps) {
  const { db, ids, contents, accept } = deps

  /** Where a message ends up, as duplicates are told by: its addresses, or in-app and without a channel, its contact. */
  function endsOf({ decisions, intent }: Accepted, channel: Channel | null): string[] {
    const [decision] = decisions
    const addresses =
      channel === null || channel === 'IN_APP' || decision === undefined ? [] : decision.targets.map((one) => one.address)
    const known = addresses.filter((one) => one !== '')
    if (channel !== null && known.length > 0) {
      // Numbers are compared as they were given, e-mail without case.
      return [...new Set(known.map((one) => (channel === 'EMAIL' ? suppressionKey(channel, one) : one)))]
    }
    return [`contact ${intent.contact?.externalId}`]
  }

  /** Why nothing goes to one recipient. @throws what goes for all of them, or is wrong with what was given for this one */
  function refusalOf(outcome: SendOutcome, index: number): Problem {
    if (outcome.ok) throw new Error('A message that was refused has a reason')
    const { code, message, field } = outcome.error
    // There may be something in another one's language.
    if (code === 'TEMPLATE_EMPTY') return outcome.error
    const isShared = code === 'TRANSACTION_EXISTS' || code === 'TEMPLATE_INACTIVE' || code === 'TEMPLATE_NOT_FOUND'
    throw new CarillonError(code, { message, ...(field === null ? {} : { field }), ...(isShared ? {} : { index }) })
  }

  async function dispatch(
    project: ProjectInfo,
    channel: Channel | null,
    asked: readonly Asked[],
    named: string | null,
    campaignId: string | null,
  ): Promise<Dispatched> {
    const intents = asked.filter((one): one is Intent => !isProblem(one))
    // All of them can't be reached, whatever there is: the look-up would ask for nobody.
    if (intents.length === 0) {
      const skipped = asked.flatMap((error, index) => (isProblem(error) ? [{ index, error }] : []))
      return { transactionId: named ?? ids(), acceptedCount: 0, duplicateCount: 0, skipped }
    }
    const known: Known = await lookUp(db.pool, contents, [{ project, intents }])
    if (channel !== null && channel !== 'IN_APP' && !known.routes.get(project.id)?.has(channel))
      throw new CarillonError('CHANNEL_NOT_CONFIGURED', { message: `The project has no active provider for ${channel}.` })

    const template = known.templates.get(keyOf(project.id, intents[0]?.template ?? ''))
    if (channel !== null && template !== undefined && !contents.get(template).channels.includes(channel))
      throw new CarillonError('TEMPLATE_EMPTY', { message: `The template says nothing on ${channel}.` })

    const scope = { transactionId: ids(), mark: Symbol('dispatch') }
    const taken = new Set<string>()
    const skipped: { index: number; error: Problem }[] = []
    const kept: { index: number; intent: Intent }[] = []
    let duplicateCount = 0
    for (const [index, one] of asked.entries()) {
      const skip = (error: Problem): unknown => skipped.push({ index, error })
      if (isProblem(one)) {
        skip(one)
        continue
      }
      // Nobody is made by a campaign: who is unknown can't be reached.
      if (one.contact !== null && !known.contacts.has(keyOf(project.id, one.contact.externalId))) {
        skip(problem('CONTACT_NOT_FOUND', undefined, 'userId'))
        continue
      }
      const planned = planMessage(deps, known, project, scope, one)
      if (!('notification' in planned)) {
        skip(refusalOf(planned, index))
        continue
      }
      const ends = endsOf(planned, channel)
      const [first] = planned.decisions
      if (planned.decisions.every((decision) => decision.reason !== null)) skip(first?.reason ?? problem('TEMPLATE_EMPTY'))
      else if (ends.every((end) => taken.has(end))) duplicateCount++
      else {
        for (const end of ends) taken.add(end)
        kept.push({ index, intent: one })
      }
    }

    let transactionId = named ?? scope.transactionId
    if (kept.length > 0) {
      const outcomes = await accept({ project, intents: kept.map((one) => one.intent), origin: { bulk: false, campaignId } })
      // Another call took the name between the look and the write, or the template was changed: then nothing was kept.
      for (const [place, outcome] of outcomes.entries()) {
        const index = kept[place]?.index ?? 0
        if (outcome.ok) transactionId = outcome.transactionId
        else skipped.push({ index, error: refusalOf(outcome, index) })
      }
    }
    return {
      transactionId,
      acceptedCount: asked.length - duplicateCount - skipped.length,
      duplicateCount,
      skipped: skipped.sort((a, b) => a.index - b.index),
    }
  }

  const checkName = (transactionId: string | null | undefined): string | null =>
    transactionId === null || transactionId === undefined ? null : checkId('transactionId', transactionId)

  /** A bare address that nothing can be sent to is skipped, like a contact's. */
  function checked(check: () => Intent): Asked {
    try {
      return check()
    } catch (error) {
      if (error instanceof CarillonError && error.code === 'ADDRESS_INVALID')
        return problem(error.code, error.message, error.details.field ?? null)
      throw error
    }
  }

  function direct(content: DirectContent, phoneNumber: string, data: JsonObject, transactionId: string | null): Asked {
    const address = checkText('phoneNumber', phoneNumber, 1000)
    if (address === '') throw new CarillonError('BAD_INPUT', { field: 'phoneNumber', message: 'phoneNumber is empty.' })
    return checked(() => ({
      ...PLAIN,
      ...{ template: null, contact: null, data, transactionId, channels: [content.channel] },
      bare: { address: checkPhone('phoneNumber', address), content },
    }))
  }

  function checkSaid(field: string, text: string): string {
    if (text === '') throw new CarillonError('BAD_INPUT', { field, message: `${field} is empty.` })
    return checkText(field, text)
  }

  return {
    /**
     * Sends a campaign of dispatch API.
     * @throws NOT_FOUND, CAMPAIGN_NOT_API, CAMPAIGN_INACTIVE, and what `dispatch` throws
     */
    async trigger(
      project: ProjectInfo,
      key: string,
      recipients: readonly RecipientInput[],
      transactionId: string | null | undefined,
    ): Promise<Dispatched> {
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkName(transactionId)
      const campaign = key.includes('\0')
        ? null
        : await db.prisma.campaign.findUnique({
            where: { projectId_key: { projectId: project.id, key } },
            select: { id: true, active: true, dispatch: true, channel: true, template: { select: { key: true } } },
          })
      if (campaign === null) throw new CarillonError('NOT_FOUND', { field: 'campaign', message: 'There is no such campaign.' })
      if (campaign.dispatch !== 'API') throw new CarillonError('CAMPAIGN_NOT_API', { field: 'campaign' })
      if (!campaign.active) throw new CarillonError('CAMPAIGN_INACTIVE', { field: 'campaign' })
      const { id: campaignId, channel, template } = campaign
      const channels = channel === null ? null : [channel]
      const intentOf = ({ type, name, data }: Recipient): Intent => {
        const common = { ...PLAIN, template: template.key, data, transactionId: named, channels }
        if (type === 'USER_ID') return { ...common, contact: { externalId: name, fields: {}, properties: {} } }
        const address = type === 'PHONE_NUMBER' ? checkPhone('phoneNumber', name) : checkEmail('email', name)
        return { ...common, contact: null, bare: { address, content: null } }
      }
      const list = recipients.map((recipient, index) => atIndex(index, () => checkRecipient(channel, recipient)))
      const asked = list.map((recipient) => checked(() => intentOf(recipient)))
      return dispatch(project, channel, asked, named, campaignId)
    },

    /** Sends a text message to numbers. @throws BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS */
    async text(project: ProjectInfo, input: TextInput, transactionId: string | null | undefined): Promise<Dispatched> {
      const { type, title, body, recipients } = input
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkName(transactionId)
      const content = {
        type,
        title: type === 'SMS' || title === null || title === undefined ? null : checkText('title', title, 255),
        body: checkSaid('body', body),
      }
      const asked = recipients.map(({ phoneNumber }, index) =>
        atIndex(index, () => direct({ channel: 'SMS', content }, phoneNumber, {}, named)),
      )
      return dispatch(project, 'SMS', asked, named, null)
    },

    /**
     * Sends a registered template to numbers. @throws BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS
     * Which variables it has, the vendor knows, and refuses what lacks one; where a template of the project has its text, it is known here.
     */
    async alimtalk(
      project: ProjectInfo,
      { templateCode, recipients }: AlimtalkInput,
      transactionId: string | null | undefined,
    ): Promise<Dispatched> {
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkName(transactionId)
      const content = { templateCode: checkKey('templateCode', templateCode), body: null }
      const needed = neededBy(await findRegisteredTexts(db.pool, project.id, templateCode))
      const asked = recipients.map(({ phoneNumber, parameters }, index) =>
        atIndex(index, () =>
          direct({ channel: 'ALIMTALK', content }, phoneNumber, checkParameters(parameters ?? {}, needed), named),
        ),
      )
      return dispatch(project, 'ALIMTALK', asked, named, null)
    },

    /** Sends texts to numbers. @throws NOT_IMPLEMENTED, BAD_INPUT, CHANNEL_NOT_CONFIGURED, TRANSACTION_EXISTS */
    async friendtalk(
      project: ProjectInfo,
      { messageType, isAd, recipients }: FriendtalkInput,
      transactionId: string | null | undefined,
    ): Promise<Dispatched> {
      if ((messageType ?? 'TEXT') !== 'TEXT') {
        const message = `Friendtalk messages of type ${messageType} are not supported yet.`
        throw new CarillonError('NOT_IMPLEMENTED', { field: 'messageType', message })
      }
      checkList('recipients', recipients, RECIPIENTS_MAX)
      const named = checkName(transactionId)
      const asked = recipients.map(({ phoneNumber, text }, index) =>
        atIndex(index, () => {
          const content = { body: checkSaid('text', text), isAd: isAd ?? false }
          return direct({ channel: 'FRIENDTALK', content }, phoneNumber, {}, named)
        }),
      )
      return dispatch(project, 'FRIENDTALK', asked, named, null)
    },
  }
}

/** Variables of a registered text. Where templates differ in what they say it is, only what all of them have is sure to be in it. */
function neededBy([first, ...others]: readonly string[]): string[] {
  return first === undefined
    ? []
    : registeredVariables(first).filter((name) => others.every((text) => registeredVariables(text).includes(name)))
}

/** Values of a registered template's variables: all that it needs, and each something that can stand in a text. */
function checkParameters(parameters: JsonObject, needed: readonly string[]): JsonObject {
  checkObject('parameters', parameters)
  const missing = needed.find((name) => !Object.hasOwn(parameters, name))
  const wrong = Object.keys(parameters).find((name) => !['string', 'number', 'boolean'].includes(typeof parameters[name]))
  const name = missing ?? wrong
  if (name === undefined) return parameters
  const field = `parameters.${name}`
  const why = missing === undefined ? 'must be a text, a number or a boolean.' : 'is missing: the registered template needs it.'
  throw new CarillonError('BAD_INPUT', { field, message: `${field}: ${why}` })
}
