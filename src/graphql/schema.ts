/** The schema: each file of types once, then the guards. */
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import type { PrismaClient } from '../db/generated/client.ts'
import { guard } from './access.ts'
import type { Activity } from './activity.ts'
import { defineAudit } from './audit.ts'
import { defineBroadcast } from './broadcast.ts'
import { createBuilder } from './builder.ts'
import { defineCampaigns } from './campaign.ts'
import { createConnections } from './connection.ts'
import { defineContacts } from './contact.ts'
import { defineCredentials } from './credential.ts'
import { defineDeletePayload } from './delete-payload.ts'
import { defineDispatchPayload } from './dispatch-payload.ts'
import { defineEnums } from './enums.ts'
import { defineEstimate } from './estimate.ts'
import { defineEvents } from './event.ts'
import { defineFeed } from './feed.ts'
import { defineInbound } from './inbound.ts'
import { defineKeys } from './key.ts'
import type { Live } from './live.ts'
import { defineMessages } from './message.ts'
import { defineNotifications } from './notification.ts'
import { defineNumbers } from './numbers.ts'
import { defineOperator } from './operator.ts'
import { pace } from './pace.ts'
import { definePeople } from './person.ts'
import { definePreferences } from './preference.ts'
import { definePreview } from './preview.ts'
import { defineProblems } from './problem.ts'
import { defineProjects } from './project.ts'
import { defineProviders } from './provider.ts'
import { defineSegments } from './segment.ts'
import { defineSending } from './send.ts'
import { defineStats } from './stats.ts'
import { defineTemplates } from './template.ts'
import { defineTemplateInput } from './template-input.ts'
import { defineTopics } from './topic.ts'
import { defineTransactions } from './transaction.ts'
import type { AuthenticationLimit } from './transport.ts'
import { defineTrigger } from './trigger.ts'

/** What resolvers need in addition to their context. */
export interface SchemaDeps {
  readonly prisma: PrismaClient
  readonly live: Live
  readonly activity: Activity
  readonly rates: AuthenticationLimit
}

/** @returns the schema, with its guards */
export function createSchema({ prisma, live, activity, rates }: SchemaDeps): GraphQLSchema {
  const builder = createBuilder(prisma)
  const enums = defineEnums(builder)
  const problems = defineProblems(builder, enums)
  const connections = createConnections(builder)
  const DeletePayload = defineDeletePayload(builder)
  const DispatchPayload = defineDispatchPayload(builder, problems)
  const keys = defineKeys(builder)
  const { Viewer } = defineProjects(builder, keys, rates)
  defineOperator(builder, keys, connections)
  definePeople(builder, Viewer, connections)
  const audit = defineAudit(builder, connections)
  defineContacts(builder, enums, problems, connections, DeletePayload)
  defineCredentials(builder, enums)
  const providers = defineProviders(builder, enums, problems, DeletePayload)
  const messages = defineMessages(builder, enums, problems, providers)
  const notifications = defineNotifications(builder, enums, messages, problems, connections, activity)
  const sending = defineSending(builder, enums, problems)
  const stats = defineStats(builder, enums)
  const broadcasts = defineBroadcast(builder, sending, stats)
  const transactions = defineTransactions(builder, enums, broadcasts, notifications, connections)
  defineFeed(builder, enums, messages, connections, live)
  definePreferences(builder, enums, connections)
  defineInbound(builder)
  defineTopics(builder, connections, DeletePayload)
  const templateInputs = defineTemplateInput(builder, enums)
  defineTemplates(builder, { ...enums, ...audit }, templateInputs, connections, DeletePayload)
  definePreview(builder, enums, problems, sending, templateInputs)
  defineEvents(builder)
  defineSegments(builder, connections, DeletePayload)
  defineCampaigns(builder, enums, stats, transactions, connections, DeletePayload)
  defineEstimate(builder, enums, problems, sending, defineTrigger(builder, DispatchPayload))
  defineNumbers(builder, enums, DispatchPayload)
  return pace(guard(builder.toSchema()))
}

/** The schema as text, sorted, so that it does not depend on the order of the code. */
export const printed = (schema: GraphQLSchema): string => `${printSchema(lexicographicSortSchema(schema))}\n`
