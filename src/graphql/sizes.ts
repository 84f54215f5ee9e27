/**
 * What the lists of the schema can hold, and what fields and items of mutations cost: what `measure.ts` charges. A test finds lists of
 * objects that have no size here.
 */
import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql'
import { channels } from '../words.ts'

/** What a field costs whose value is no object, in a list of strings too: ten of them cost as much as an object. */
export const LEAF_COST = 0.1

/** What a list costs in addition to what it holds: it is a statement, even if it finds nothing. */
export const LIST_COST = 2

/** How many items a page has: without `first` or `last`, and at most. */
export interface PageSize {
  readonly default: number
  readonly max: number
}
const PAGE: PageSize = { default: 20, max: 100 }
/** Pages that are not of this size. */
const pages: Readonly<Record<string, PageSize>> = { 'Query.stats': { default: 32, max: 400 } }

/** The page that a field returns, if it returns one. `path`: `Type.field`. */
export const pageOf = (path: string, field: Pick<GraphQLField<unknown, unknown>, 'args'> | undefined): PageSize | undefined =>
  pages[path] ?? (field?.args.some((argument) => argument.name === 'first') === true ? PAGE : undefined)

/** How many times as much an object of introspection costs. */
export const INTROSPECTION_COST = 4

/** A list without a size costs this much. */
const UNKNOWN_SIZE = 100
const EACH_CHANNEL = channels.length
const LANGUAGES = 10

/**
 * How many objects a list without pages can hold. `items`: one for each item of the mutation that it is a result of. The nodes and edges of
 * a page are as many as its argument says.
 */
const listSizes: Readonly<Record<string, number | 'items'>> = {
  'ChannelEstimate.unreached': 5,
  'Contact.credentials': 10,
  'Contact.monthlyReceived': 24,
  'Contact.topics': 50,
  'DayStats.channels': EACH_CHANNEL,
  'DayStats.templates': 100,
  'DispatchPayload.skipped': 'items',
  'Estimate.channels': EACH_CHANNEL,
  'Estimate.unreached': 5,
  'FeedConnection.bySeverity': 4,
  'InAppMessage.attempts': 1,
  'InAppMessage.history': 10,
  'MarkPayload.messages': 'items',
  'Message.attempts': 10,
  'Message.history': 10,
  'Mutation.addSuppressions': 'items',
  'Mutation.configureProviders': 'items',
  'Mutation.upsertCampaigns': 'items',
  'Mutation.upsertSegments': 'items',
  'Mutation.upsertTemplates': 'items',
  'Mutation.upsertTopics': 'items',
  'Notification.messages': EACH_CHANNEL,
  'Notification.warnings': 20,
  'OutboundMessage.attempts': 10,
  'OutboundMessage.history': 10,
  'Preferences.channels': EACH_CHANNEL,
  'Preferences.templates': 1_000,
  'Preview.channels': EACH_CHANNEL,
  'Preview.warnings': 20,
  'Query.apiKeys': 100,
  'Query.providerKinds': 30,
  'Query.providers': 100,
  'RecoverProjectPayload.revokedKeys': 100,
  'ResultStats.channels': EACH_CHANNEL,
  'SecretKeyPayload.revokedKeys': 100,
  'SecretKeyPayload.validKeys': 100,
  'SendMessagesPayload.results': 'items',
  'SendResult.channelErrors': EACH_CHANNEL,
  'SendResult.warnings': 20,
  'Stats.days': 'items',
  'StatusCounts.messages': EACH_CHANNEL * 5,
  'Template.alimtalk': LANGUAGES,
  'Template.chat': LANGUAGES,
  'Template.email': LANGUAGES,
  'Template.friendtalk': LANGUAGES,
  'Template.inApp': LANGUAGES,
  'Template.push': LANGUAGES,
  'Template.rules': EACH_CHANNEL,
  'Template.samples': 20,
  'Template.sms': LANGUAGES,
  'Template.webPush': LANGUAGES,
  'Template.webhook': LANGUAGES,
  'TemplatePreference.channels': EACH_CHANNEL,
  'TemplateVersion.alimtalk': LANGUAGES,
  'TemplateVersion.changes': 50,
  'TemplateVersion.chat': LANGUAGES,
  'TemplateVersion.email': LANGUAGES,
  'TemplateVersion.friendtalk': LANGUAGES,
  'TemplateVersion.inApp': LANGUAGES,
  'TemplateVersion.push': LANGUAGES,
  'TemplateVersion.rules': EACH_CHANNEL,
  'TemplateVersion.sms': LANGUAGES,
  'TemplateVersion.webPush': LANGUAGES,
  'TemplateVersion.webhook': LANGUAGES,
  'UpsertContactsPayload.failed': 'items',
  'ViewerPerson.projects': 500,
}

/** Fields whose resolver does more than their result shows. */
const weights: Readonly<Record<string, number>> = {
  // All active templates are read, whichever fields are selected.
  'Query.preferences': 200,
  'Mutation.setPreference': 200,
  'Query.stats': 100,
  'Query.preview': 50,
  // Up to 10,000 contacts are read, and decided for.
  'Query.estimate': 500,
  'Mutation.authenticate': 10,
  'Mutation.testProvider': 50,
  // Texts and documents that may be long.
  'EmailContent.html': 1,
  'EmailContent.text': 1,
  'OutboundMessage.html': 1,
  'OutboundMessage.text': 1,
  'Contact.profile': 0.5,
  'Template.dataSchema': 1,
  'Template.draft': 1,
  'Template.variables': 1,
  'TemplateChange.after': 0.5,
  'TemplateChange.before': 0.5,
  'TemplateSample.data': 0.5,
  'TemplateVersion.changes': 2,
  'TemplateVersion.dataSchema': 1,
  'TemplateVersion.variables': 1,
  'ProviderKind.settings': 5,
  // The items of a digest are read, and its texts are walked.
  'Notification.warnings': 5,
  'Provider.health': 5,
  'Provider.stats': 2,
  'Campaign.stats': 2,
  'Progress.stats': 2,
  // The templates of up to 10,000 messages are looked up.
  'FeedConnection.bySeverity': 100,
  // The messages of 10,000 notifications are counted.
  'Transaction.counts': 100,
  'Transaction.progress': 2,
}

/** Arguments for which a field does more: what each costs that is given, and is not null. `Type.field(argument)` */
const argumentWeights: Readonly<Record<string, number>> = {
  // The templates of up to 10,000 messages are looked up, and once more for their number.
  'Query.feed(severities)': 200,
}

/** What one item costs a mutation; 1 if it is not listed. */
const itemWeights: Readonly<Record<string, number>> = {
  configureProviders: 5,
  deleteContacts: 5,
  upsertCampaigns: 5,
  upsertSegments: 5,
  upsertTemplates: 10,
}

/** How many objects a list may hold. `items`: how many the mutation around it was given, or the page around it has. */
export function sizeOfList(parent: GraphQLNamedType | undefined, field: string, items: number): number {
  const type = parent?.name ?? ''
  const size = listSizes[`${type}.${field}`]
  if (size === 'items') return Math.max(items, 1)
  if (size !== undefined) return size
  return isPage(type, field) ? Math.max(items, 1) : UNKNOWN_SIZE
}

/** Whether the size of a list is stated here. */
export const hasSize = (type: string, field: string): boolean =>
  listSizes[`${type}.${field}`] !== undefined || isPage(type, field)

const isPage = (type: string, field: string): boolean => type.endsWith('Connection') && (field === 'nodes' || field === 'edges')

/** What a field costs in addition to what it returns. `path`: `Type.field`. */
export const weightOf = (path: string): number => weights[path] ?? 0

/** What an argument costs that is given. `path`: `Type.field` */
export const weightOfArgument = (path: string, argument: string): number => argumentWeights[`${path}(${argument})`] ?? 0

/** What each item costs that a mutation is given. */
export const weightOfItem = (mutation: string): number => itemWeights[mutation] ?? 1

/** The fields, lists and items that are named here: a test compares them with the schema. */
export const named = {
  lists: Object.keys(listSizes),
  fields: Object.keys(weights),
  arguments: Object.keys(argumentWeights),
  mutations: Object.keys(itemWeights),
} as const

/** How many objects the lists of introspection hold: on the average, so that those of all types together are counted exactly. */
export function introspectionSizes(schema: GraphQLSchema): ReadonlyMap<string, number> {
  const types = Object.values(schema.getTypeMap())
  let [fields, args, inputs, values, interfaces] = [0, 0, 0, 0, 0]
  for (const type of types) {
    if (isObjectType(type) || isInterfaceType(type)) {
      const all = Object.values(type.getFields())
      fields += all.length
      interfaces += type.getInterfaces().length
      for (const field of all) args += field.args.length
    } else if (isInputObjectType(type)) inputs += Object.keys(type.getFields()).length
    else if (isEnumType(type)) values += type.getValues().length
  }
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', schema.getDirectives().length],
    ['__Type.fields', fields / types.length],
    ['__Type.inputFields', inputs / types.length],
    ['__Type.enumValues', values / types.length],
    ['__Type.interfaces', interfaces / types.length],
    ['__Type.possibleTypes', interfaces / types.length],
    ['__Field.args', args / fields],
    ['__Directive.args', 2],
    // Most types are a name, or a name that is not null.
    ['__Type.ofType', 0.5],
  ])
}
