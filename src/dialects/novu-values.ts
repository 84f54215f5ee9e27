/** What the routes of Novu have in common: how answers are wrapped, pages, the words for channels, and what errors call fields. */
import { z } from 'zod'
import { CarillonError, type ErrorCode } from '../errors.ts'
import type { Channel } from '../words.ts'
import { type Call, projectOf } from './dialect.ts'

/** An answer: what it says is in `data`. */
export const wrapped = <T extends z.ZodType>(schema: T) => z.object({ data: schema })

/** A text that may be left out. null, and an empty text, which clients send for what they do not have: it has no value. */
export const clearableText = z
  .string()
  .nullish()
  .transform((text) => (typeof text === 'string' && text.trim() === '' ? null : text))

/** Novu's channels. */
export const channelNames = ['in_app', 'email', 'sms', 'chat', 'push'] as const
export type ChannelName = (typeof channelNames)[number]

/** What each channel is called there. */
export const channelNameOf = {
  IN_APP: 'in_app',
  EMAIL: 'email',
  SMS: 'sms',
  PUSH: 'push',
  WEB_PUSH: 'push',
  CHAT: 'chat',
  ALIMTALK: 'sms',
  FRIENDTALK: 'sms',
  WEBHOOK: 'chat',
} as const satisfies Record<Channel, ChannelName>

/** The channels that go by a name there. */
export const channelsNamed = (name: ChannelName): Channel[] =>
  Object.entries(channelNameOf).flatMap(([channel, named]) => (named === name ? [channel as Channel] : []))

/** The names of several channels, each once. */
export const namesOf = (channels: readonly Channel[]): ChannelName[] => [...new Set(channels.map((one) => channelNameOf[one]))]

/** A whole number of a query, as text. */
const whole = z.string().regex(/^\d{1,9}$/, 'must be a whole number')

/** The number of a page, from 0. */
export const pageNumber = whole
  .optional()
  .transform((text) => Number(text ?? 0))
  .meta({ description: 'Number of the page, from 0. It begins at most 10,000 rows after the first.' })

/** The size of a page. */
export const pageSize = whole
  .optional()
  .transform((text) => Number(text ?? 10))
  .refine((size) => size >= 1 && size <= 100, 'must be from 1 to 100')
  .meta({ description: 'Size of the page, 1 to 100; default: 10.' })

/** A whole number that may be left out. */
export const optionalWhole = whole.optional().transform((text) => (text === undefined ? undefined : Number(text)))

/** Yes or no; an empty text, as of what has no value: neither. */
export const optionalFlag = z
  .enum(['true', 'false', ''])
  .optional()
  .transform((text) => (text === undefined || text === '' ? null : text === 'true'))

const LIST_MAX = 100

/** One value or several of the same name; null: none is given. */
export const listOrOne = <T extends z.ZodType>(item: T) =>
  z
    .union([z.array(item).max(LIST_MAX), item])
    .optional()
    .transform((given): z.output<T>[] | null => (given === undefined ? null : Array.isArray(given) ? given : [given]))

/** What is given by either of the two spellings of a list: `name=a&name=b`, `name[]=a&name[]=b`. */
export const either = <T>(plain: T[] | null, bracketed: T[] | null): T[] | null =>
  plain === null ? bracketed : [...plain, ...(bracketed ?? [])]

/** The envelope of a page. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    page: z.int(),
    pageSize: z.int(),
    totalCount: z.int().meta({ description: 'Size of the whole list.' }),
    hasMore: z.boolean().meta({ description: 'Whether there are more pages.' }),
    data: z.array(item),
  })

/** A page. */
export const pageBody = <T>(page: number, size: number, totalCount: number, data: readonly T[]) => ({
  page,
  pageSize: size,
  totalCount,
  hasMore: (page + 1) * size < totalCount,
  data,
})

/** Whether a caller may read what is stored, rather than only say what is to be. */
export const mayRead = ({ caller }: Call): boolean => caller.kind === 'project' && caller.scopes.has('read')

/** The ids that every object of Novu has. */
export const tenantIds = { _environmentId: z.string(), _organizationId: z.string() }
/** Theirs are the project's id. */
export const tenantOf = (call: Call) => {
  const { id } = projectOf(call)
  return { _environmentId: id, _organizationId: id }
}

/** What is named in the errors of operations, as it is called there. */
export const fieldNames: Readonly<Record<string, string>> = {
  externalId: 'subscriberId',
  template: 'name',
  topic: 'topicKey',
  data: 'payload',
  provider: 'providerId',
  'contact.externalId': 'subscriberId',
  'contact.email': 'email',
  'contact.phone': 'phone',
  'contact.locale': 'locale',
  'contact.firstName': 'firstName',
  'contact.lastName': 'lastName',
  'contact.photoUrl': 'avatar',
  'actor.externalId': 'actor.subscriberId',
  'actor.photoUrl': 'actor.avatar',
}

/** Errors of operations that have words of their own there. */
export const errorWords: Readonly<Partial<Record<ErrorCode, string>>> = {
  TEMPLATE_NOT_FOUND: 'template_not_found',
  CONTACT_NOT_FOUND: 'Subscriber not found',
}

/** @throws CarillonError NOT_FOUND */
export const notFound = (what: string): never => {
  throw new CarillonError('NOT_FOUND', { message: `There is no such ${what}.` })
}
