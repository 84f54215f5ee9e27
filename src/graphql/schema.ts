/** The schema: every type file once, then the guards. */
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import type { PrismaClient } from '../db/generated/client.ts'
import { guard } from './access.ts'
import type { Activity } from './activity.ts'
import { createBuilder } from './builder.ts'
import { defineCampaigns } from './campaign.ts'
import { createConnections } from './connection.ts'
import { defineContacts } from './contact.ts'
import { defineCredentials } from './credential.ts'
import { defineDispatch } from './dispatch.ts'
import { defineEnums } from './enums.ts'
import { defineEvents } from './event.ts'
import { defineFanouts } from './fanout.ts'
import { defineFeed } from './feed.ts'
import { defineInbound } from './inbound.ts'
import type { Live } from './live.ts'
import { defineMessages } from './message.ts'
import { defineNotifications } from './notification.ts'
import { definePreferences } from './preference.ts'
import { definePreview } from './preview.ts'
import { defineProblems } from './problem.ts'
import { defineProjects } from './project.ts'
import { defineProviders } from './provider.ts'
import type { Rates } from './rates.ts'
import { defineSegments } from './segment.ts'
import { defineSending } from './send.ts'
import { defineStats } from './stats.ts'
import { defineTemplates } from './template.ts'
import { defineTopics } from './topic.ts'

/** What the schema's resolvers hold on to beside their context. */
export interface SchemaDeps {
  readonly prisma: PrismaClient
  readonly live: Live
  readonly activity: Activity
  readonly rates: Pick<Rates, 'authentication'>
}

/** Builds the schema. */
export function createSchema({ prisma, live, activity, rates }: SchemaDeps): GraphQLSchema {
  const builder = createBuilder(prisma)
  const enums = defineEnums(builder)
  const problems = defineProblems(builder, enums)
  const connections = createConnections(builder)
  defineProjects(builder, rates)
  defineContacts(builder, enums, problems, connections)
  defineCredentials(builder, enums)
  const providers = defineProviders(builder, enums, problems)
  const messages = defineMessages(builder, enums, problems, providers)
  defineNotifications(builder, enums, messages, connections, activity)
  const sending = defineSending(builder, enums, problems)
  defineFanouts(builder, sending)
  defineFeed(builder, enums, messages, connections, live)
  defineStats(builder, enums)
  definePreferences(builder, enums, connections)
  defineInbound(builder)
  const { DeletePayload } = defineTopics(builder, connections)
  const templates = defineTemplates(builder, enums, connections, DeletePayload)
  definePreview(builder, enums, problems, sending, templates)
  defineEvents(builder)
  defineSegments(builder, connections, DeletePayload)
  defineCampaigns(builder, enums, connections, DeletePayload)
  defineDispatch(builder, enums, problems)
  return guard(builder.toSchema())
}

/** The schema as text, in an order that does not depend on the code's. */
export const printed = (schema: GraphQLSchema): string => `${printSchema(lexicographicSortSchema(schema))}\n`
