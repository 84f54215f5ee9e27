/** Who may do what: one table from operations to scopes, for every transport. */
import { CarillonError } from '../errors.ts'
import { noCredential } from '../values/credential.ts'
import type { Scope } from '../words.ts'
import type { Caller } from './caller.ts'

/**
 * What an operation takes: a scope of a project's credential, the token of a contact for what is its own (`inbox`), the operator's key, any
 * valid credential (`self`: it asks about itself), or nothing (`public`).
 */
export type Permission = Scope | 'inbox' | 'operator' | 'self' | 'public'

/** Permissions of which one is enough; of a list within it, all are needed. */
export type Requirement = readonly (Permission | readonly Permission[])[]

/** Every operation, by the name of its root field. The GraphQL builder takes no root field that has no row here. */
export const permissions = {
  authenticate: ['public'],
  viewer: ['self'],
  createProject: ['operator'],
  deleteProject: ['operator'],
  operatorProjects: ['operator'],
  recoverProject: ['operator'],
  resumeProject: ['operator'],
  setProjectLimits: ['operator'],
  suspendProject: ['operator'],

  grantRole: ['keys'],
  people: ['keys'],
  revokeRole: ['keys'],

  apiKeys: ['keys'],
  auditLog: ['keys'],
  createApiKey: ['keys'],
  revokeApiKey: ['keys'],
  rotateSecretKey: ['keys'],

  broadcast: ['send'],
  cancel: ['send'],
  retryMessages: ['send'],
  revokeContactTokens: ['send'],
  sendAlimtalk: ['send'],
  sendFriendtalk: ['send'],
  sendMessages: ['send'],
  sendText: ['send'],
  setCredentials: ['send'],
  subscribeToTopic: ['send'],
  trackEvents: ['send'],
  triggerCampaign: ['send'],
  unsubscribeFromTopic: ['send'],
  upsertContacts: ['send'],

  // Both: the token reads what the contact was sent, and acts for it. No credential makes one that can do more than itself.
  createContactToken: [['read', 'send']],

  campaign: ['read'],
  campaigns: ['read'],
  contact: ['read'],
  contacts: ['read'],
  estimate: ['read'],
  inboundParse: ['read'],
  notification: ['read', 'send'],
  notificationChanged: ['read'],
  notifications: ['read'],
  preview: ['read'],
  progress: ['read', 'send'],
  providers: ['read'],
  providerKinds: ['read'],
  segment: ['read'],
  segments: ['read'],
  stats: ['read'],
  suppressions: ['read'],
  template: ['read'],
  templates: ['read'],
  templateVersion: ['read'],
  topic: ['read'],
  topics: ['read'],
  transaction: ['read', 'send'],
  transactions: ['read'],

  addSuppressions: ['manage'],
  configureProviders: ['manage'],
  deleteCampaigns: ['manage'],
  deleteContacts: ['manage'],
  deleteProviders: ['manage'],
  deleteSegments: ['manage'],
  deleteTemplates: ['manage'],
  deleteTopics: ['manage'],
  publishTemplate: ['manage'],
  removeSuppression: ['manage'],
  restoreTemplateVersion: ['manage'],
  testProvider: ['manage'],
  updateProject: ['manage'],
  upsertCampaigns: ['manage'],
  upsertSegments: ['manage'],
  upsertTemplates: ['manage'],
  upsertTopics: ['manage'],

  deleteMessages: ['inbox', 'send'],
  feed: ['inbox', 'read'],
  feedChanged: ['inbox', 'read'],
  markAs: ['inbox', 'send'],
  messageReceived: ['inbox', 'read'],
  preferences: ['inbox', 'read'],
  recordAction: ['inbox', 'send'],
  setOnline: ['inbox', 'send'],
  setPreference: ['inbox', 'send'],
  snoozeMessages: ['inbox', 'send'],
} as const satisfies Readonly<Record<string, Requirement>>

/** The name of a root field. */
export type Operation = keyof typeof permissions

/** Operations that may change what is configured, by what they take. */
type Deciding = {
  [O in Operation]: Extract<Flat<(typeof permissions)[O][number]>, 'manage' | 'keys' | 'operator'> extends never ? never : O
}[Operation]
type Flat<T> = T extends readonly (infer One)[] ? One : T

/**
 * Which operations are in the audit log: all that change what is configured, credentials, or who may do what. Not those that only read, and
 * not sends, which are notifications. An operation that takes `manage`, `keys` or the operator's key does not compile without a decision here.
 */
const audits = {
  createProject: true,
  deleteProject: true,
  operatorProjects: false,
  recoverProject: true,
  resumeProject: true,
  setProjectLimits: true,
  suspendProject: true,

  grantRole: true,
  people: false,
  revokeRole: true,

  apiKeys: false,
  auditLog: false,
  createApiKey: true,
  revokeApiKey: true,
  rotateSecretKey: true,

  addSuppressions: true,
  configureProviders: true,
  deleteCampaigns: true,
  deleteContacts: true,
  deleteProviders: true,
  deleteSegments: true,
  deleteTemplates: true,
  deleteTopics: true,
  publishTemplate: true,
  removeSuppression: true,
  restoreTemplateVersion: true,
  testProvider: false,
  updateProject: true,
  upsertCampaigns: true,
  upsertSegments: true,
  upsertTemplates: true,
  upsertTopics: true,

  // What people do to messages of others.
  cancel: true,
  retryMessages: true,
  revokeContactTokens: true,
} as const satisfies Readonly<Record<Deciding, boolean> & Partial<Record<Operation, boolean>>>

/** An operation that is in the audit log. */
export type Audited = { [O in keyof typeof audits]: (typeof audits)[O] extends true ? O : never }[keyof typeof audits]

/** Whether an operation is in the audit log. */
export const isAudited = (name: string): name is Audited =>
  Object.entries(audits).some(([operation, isIn]) => isIn && operation === name)

/** Whether something of this name is an operation. */
export const isOperation = (name: string): name is Operation => Object.hasOwn(permissions, name)

/** Whether a caller has a permission. */
function has(caller: Caller, permission: Permission): boolean {
  switch (permission) {
    case 'public':
      return true
    case 'self':
      return caller.kind !== 'none'
    case 'operator':
      return caller.kind === 'operator'
    case 'inbox':
      return caller.kind === 'contact'
    default:
      return caller.kind === 'project' && caller.scopes.has(permission)
  }
}

/** Whether a caller may do something. */
export const isPermitted = (caller: Caller, operation: Operation): boolean => {
  const row: Requirement = permissions[operation]
  return row.some((one) => (typeof one === 'string' ? has(caller, one) : one.every((each) => has(caller, each))))
}

/** @throws UNAUTHENTICATED for a caller without a credential, FORBIDDEN for one whose credential does not reach that far */
export function checkPermission(caller: Caller, operation: Operation): void {
  if (isPermitted(caller, operation)) return
  if (caller.kind === 'none') throw new CarillonError('UNAUTHENTICATED', { message: noCredential })
  const row: Requirement = permissions[operation]
  if (row.includes('operator')) {
    const message = `${operation} takes the operator key (CARILLON_OPERATOR_KEY), and this is a credential of a project.`
    throw new CarillonError('FORBIDDEN', { message })
  }
  if (caller.kind !== 'project') throw otherKind(caller, operation)
  throw new CarillonError('FORBIDDEN', { message: `${operation} takes a credential with ${scopesOf(row)}.` })
}

/**
 * The same for a call that says itself whom it is about. A contact's token, which is good for what is that contact's own, is not enough then.
 * @throws as checkPermission
 */
export function checkProjectPermission(caller: Caller, operation: Operation): void {
  checkPermission(caller, operation)
  // What takes no credential takes any.
  if (caller.kind === 'contact' && !isPermitted({ kind: 'none' }, operation)) throw otherKind(caller, operation)
}

/** The refusal of a credential that is none of a project. */
function otherKind({ kind }: Caller, operation: Operation): CarillonError {
  const given =
    kind === 'operator' ? 'the operator key, which manages projects' : "a contact token, which is for one contact's page"
  return new CarillonError('FORBIDDEN', { message: `${operation} takes an API key of a project, and this is ${given}.` })
}

/** In words: `the scope READ or SEND`, `the scopes READ and SEND`. */
function scopesOf(row: Requirement): string {
  const names = row.flatMap((one) =>
    one === 'inbox'
      ? []
      : [typeof one === 'string' ? one.toUpperCase() : one.join(' and ').toUpperCase().replaceAll(' AND ', ' and ')],
  )
  return `the scope${row.some((one) => typeof one !== 'string') ? 's' : ''} ${names.join(' or ')}`
}
