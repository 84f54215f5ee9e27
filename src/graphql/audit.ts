/** The audit log. */
import type { AuditEntry as Entry } from '../db/generated/client.ts'
import { type AuditActor, type AuditTarget, auditActors, auditTargets } from '../words.ts'
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'
import type { createConnections } from './connection.ts'
import { valuesOf } from './enums.ts'

const actorTexts = {
  KEY: 'An API key.',
  TOKEN: 'An access token of `authenticate`.',
  PERSON: 'A person who was signed in.',
  OPERATOR: "The key of the server's operator.",
  SYSTEM: 'The server itself.',
} satisfies Record<AuditActor, string>

const targetTexts = {
  PROJECT: 'The project: its settings, its key pair, its creation and deletion.',
  API_KEY: 'An API key.',
  PERSON: 'A person, and what the person may do.',
  TEMPLATE: 'A template, with its contents.',
  CAMPAIGN: 'A campaign.',
  SEGMENT: 'A segment.',
  TOPIC: 'A topic, without its members.',
  PROVIDER: 'A provider.',
  SUPPRESSION: 'A suppression, by its id: its address is not in the log.',
  CONTACT: 'A contact, by its id: nothing else of an erased contact is in the log.',
  MESSAGE: 'Messages that are sent again.',
  TRANSACTION: 'A transaction.',
} satisfies Record<AuditTarget, string>

/** Defines the audit log. @returns its enum of callers */
export function defineAudit(builder: Builder, connections: ReturnType<typeof createConnections>) {
  const ActorKind = builder.enumType('AuditActorKind', {
    description: 'Who made a change.',
    values: valuesOf(auditActors, actorTexts),
  })
  const TargetKind = builder.enumType('AuditTargetKind', {
    description: 'What was changed.',
    values: valuesOf(auditTargets, targetTexts),
  })

  const Actor = builder.objectRef<Entry>('AuditEntryActor').implement({
    description: 'Who made a change, as it was named at that time.',
    fields: (t) => ({
      // The columns are texts; only values of the list are written.
      kind: t.field({ type: ActorKind, description: 'Kind of credential.', resolve: ({ actorKind }) => actorKind as AuditActor }),
      id: t.exposeID('actorId', { nullable: true, description: 'Id of the API key or the person; null for others.' }),
      name: t.exposeString('actorName', { nullable: true, description: 'Name of the API key or the person; null for others.' }),
      email: t.exposeString('actorEmail', { nullable: true, description: 'E-mail address of the person; null for others.' }),
    }),
  })
  const Target = builder.objectRef<Entry>('AuditEntryTarget').implement({
    description: 'What was changed.',
    fields: (t) => ({
      kind: t.field({ type: TargetKind, description: 'Kind of object.', resolve: ({ targetKind }) => targetKind as AuditTarget }),
      id: t.exposeID('targetId', {
        nullable: true,
        description: 'Its id on this server; null: several objects, or one without an id.',
      }),
      key: t.exposeID('targetKey', {
        nullable: true,
        description:
          'The key that callers use for it, or the name of an API key. A transactionId that is not a UUID is kept as `sha256:` and its hash. ' +
          'Null for contacts.',
      }),
    }),
  })
  const AuditEntry = builder.objectRef<Entry>('AuditEntry').implement({
    description: 'One change of one object. Entries are never changed; they are deleted after `Project.auditRetentionDays`.',
    fields: (t) => ({
      id: t.exposeID('id', { description: 'Id on this server.' }),
      at: t.expose('at', { type: 'DateTime', description: 'When the change was made.' }),
      actor: t.field({ type: Actor, description: 'Who made it.', resolve: (entry) => entry }),
      remoteAddress: t.exposeString('remoteAddress', {
        nullable: true,
        description: 'IP address that the call came from; null: the server itself.',
      }),
      operation: t.exposeString('operation', { description: 'Name of the mutation.' }),
      target: t.field({ type: Target, description: 'What was changed.', resolve: (entry) => entry }),
      before: t.expose('before', {
        type: 'JSON',
        nullable: true,
        description:
          'The object before the change; null if it did not exist. Secrets read `"set"`. At most 16 KB: in a larger one, long values are truncated, and ' +
          '`truncated` has the size and the SHA-256 of the whole.',
      }),
      after: t.expose('after', {
        type: 'JSON',
        nullable: true,
        description:
          'The object after the change, as `before`; null if it was deleted. A secret that was replaced reads `"changed"`.',
      }),
    }),
  })
  const AuditEntryConnection = connections.of('AuditEntry', AuditEntry)

  const AuditFilterInput = builder.inputType('AuditFilterInput', {
    description: 'Filters the audit log. All filters must match; a list matches if any of its values does.',
    fields: (t) => ({
      actorKinds: t.field({ type: [ActorKind], description: 'Made by one of these kinds of callers.' }),
      actor: t.string({
        description: 'Made by this API key or person: id, name or e-mail address, exactly. At most 255 characters.',
      }),
      operations: t.stringList({ description: 'Made by one of these mutations.' }),
      targetKinds: t.field({ type: [TargetKind], description: 'Of an object of one of these kinds.' }),
      target: t.id({ description: 'Of the object with this key or id, exactly. At most 255 characters.' }),
      from: t.field({ type: 'DateTime', description: 'Made at this time or later.' }),
      to: t.field({ type: 'DateTime', description: 'Made before this time.' }),
    }),
  })

  builder.queryFields((t) => ({
    auditLog: t.field({
      type: AuditEntryConnection,
      description:
        'Who changed what is configured: settings, keys, people, templates, providers and so on, and who erased contacts; newest first. Sends are ' +
        'not in it. Errors: BAD_INPUT (also for an operation that is never in the log), BAD_CURSOR.',
      args: { filter: t.arg({ type: AuditFilterInput, description: 'Filters the list.' }), ...connections.args },
      resolve: (_root, { filter, ...page }, context) => context.carillon.audit.list(projectOf(context).id, filter ?? {}, page),
    }),
  }))
  return { AuditActorKind: ActorKind }
}
