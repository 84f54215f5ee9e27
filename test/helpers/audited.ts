/** What every operation of the audit log leaves there, by an example of each. */
import { createHash } from 'node:crypto'
import type { Audited } from '../../src/domain/permission.ts'
import type { AuditTarget } from '../../src/words.ts'
import type { TestApp, TestProject } from './app.ts'
import type { Client } from './client.ts'
import {
  AddSuppressions,
  Cancel,
  ConfigureProviders,
  CreateApiKey,
  CreateProject,
  DeleteContacts,
  DeleteProviders,
  DeleteTopics,
  GetContact,
  ListApiKeys,
  RemoveSuppression,
  RetryMessages,
  RevokeApiKey,
  RotateSecretKey,
  Send,
  UpdateProject,
  UpsertContacts,
  UpsertTemplates,
  UpsertTopics,
} from './operations.ts'
import { DeleteCampaigns, DeleteSegments, UpsertCampaigns, UpsertSegments } from './operations-audience.ts'
import { DeleteTemplates } from './operations-digest.ts'
import {
  DeleteProject,
  GrantRole,
  RecoverProject,
  ResumeProject,
  RevokeContactTokens,
  RevokeRole,
  SetProjectLimits,
  SuspendProject,
} from './operations-operator.ts'
import { PublishTemplate, RestoreTemplateVersion, SetTemplateDrafts } from './operations-versions.ts'

/** What an entry must say of an object. `before` and `after` may be parts of what is there. */
export interface Expected {
  readonly kind: AuditTarget
  readonly key: string | null
  readonly before: object | null
  readonly after: object | null
}

/** A call that changes something, made with one credential or another. */
export interface Example {
  /** Makes the call. */
  act(by: Client): Promise<unknown>
  /** The entries that it leaves, sorted by key. */
  readonly leaves: readonly Expected[]
  /** where the same call again changes something again; otherwise it leaves nothing */
  readonly isRepeatable?: true
}

/** How to prepare an example of an operation in a new project. */
export type Prepare = (app: TestApp, project: TestProject) => Promise<Example>

/** Stands for a text that is not known before. */
const expectText = 'any text'

const template = (key: string, body: string) => ({ key, inApp: [{ body }] })
const where = { profile: { path: 'locale', is: 'EXISTS' as const } }
const mail = (host: string) => ({
  key: 'mail',
  channel: 'EMAIL' as const,
  kind: 'smtp',
  settings: { host, from: 'a@example.com', port: 25 },
})

/** An example of each. One that is missing does not compile. */
export const examples: Readonly<Record<Audited, Prepare>> = {
  createProject: async (_app, { key }) => ({
    // Of another project: the entries are in its log, not in that of the project at hand.
    act: (by) => by.do(CreateProject, { input: { key: `${key}-second`, name: 'Second' } }),
    leaves: [
      { kind: 'API_KEY', key: 'first', before: null, after: { name: 'first', revokedAt: null } },
      { kind: 'PROJECT', key: `${key}-second`, before: null, after: { key: `${key}-second`, name: 'Second', retentionDays: 90 } },
    ],
    isRepeatable: true,
  }),
  suspendProject: async (_app, { key }) => ({
    act: (by) => by.do(SuspendProject, { project: key, reason: 'Unpaid' }),
    leaves: [
      {
        kind: 'PROJECT',
        key,
        before: { suspendedAt: null, suspendedReason: null },
        after: { suspendedAt: expectText, suspendedReason: 'Unpaid' },
      },
    ],
  }),
  async resumeProject(app, { key }) {
    await app.operator.do(SuspendProject, { project: key, reason: 'Unpaid' })
    return {
      act: (by) => by.do(ResumeProject, { project: key }),
      leaves: [
        { kind: 'PROJECT', key, before: { suspendedReason: 'Unpaid' }, after: { suspendedAt: null, suspendedReason: null } },
      ],
    }
  },
  setProjectLimits: async (_app, { key }) => ({
    act: (by) => by.do(SetProjectLimits, { project: key, limits: { contact: 10_000 } }),
    leaves: [{ kind: 'PROJECT', key, before: { limits: {} }, after: { limits: { contact: 10_000 } } }],
  }),
  grantRole: async () => ({
    act: (by) => by.do(GrantRole, { email: 'ed@example.com', role: 'EDITOR' }),
    leaves: [{ kind: 'PERSON', key: 'ed@example.com', before: null, after: { role: 'editor', maskPersonalData: false } }],
  }),
  async revokeRole(_app, { api }) {
    const { grantRole } = await api.do(GrantRole, { email: 'ed@example.com', role: 'EDITOR' })
    return {
      act: (by) => by.ask(RevokeRole, { person: grantRole.id }),
      leaves: [{ kind: 'PERSON', key: 'ed@example.com', before: { role: 'editor' }, after: null }],
    }
  },
  deleteProject: async (_app, { key }) => ({
    act: (by) => by.do(DeleteProject, { project: key, confirm: key, afterHours: 24 }),
    leaves: [{ kind: 'PROJECT', key, before: { deleteAt: null }, after: { deleteAt: expectText } }],
    isRepeatable: true,
  }),
  async recoverProject(app, { key }) {
    await app.operator.do(DeleteProject, { project: key, confirm: key, afterHours: 24 })
    return {
      act: (by) => by.do(RecoverProject, { project: key, revokeKeys: true }),
      leaves: [
        { kind: 'API_KEY', key: 'first', before: { revokedAt: null }, after: { revokedAt: expectText } },
        { kind: 'API_KEY', key: 'recovered', before: null, after: { name: 'recovered', expiresAt: null } },
        { kind: 'PROJECT', key, before: { deleteAt: expectText }, after: { deleteAt: null } },
      ],
      isRepeatable: true,
    }
  },
  updateProject: async (_app, { key }) => ({
    act: (by) => by.do(UpdateProject, { input: { name: 'Renamed', timezone: 'Asia/Seoul' } }),
    leaves: [
      { kind: 'PROJECT', key, before: { name: 'Test', timezone: 'UTC' }, after: { name: 'Renamed', timezone: 'Asia/Seoul' } },
    ],
  }),
  rotateSecretKey: async (_app, { key, accessKey }) => ({
    act: (by) => by.do(RotateSecretKey, {}),
    leaves: [{ kind: 'PROJECT', key, before: { accessKey, secretKey: 'set' }, after: { accessKey, secretKey: 'changed' } }],
    isRepeatable: true,
  }),
  async revokeContactTokens(_app, { api }) {
    await api.do(UpsertContacts, { contacts: [{ externalId: 'ann' }] })
    return {
      act: (by) => by.do(RevokeContactTokens, { contact: 'ann' }),
      leaves: [{ kind: 'CONTACT', key: null, before: null, after: { tokens: 'revoked' } }],
      isRepeatable: true,
    }
  },
  createApiKey: async () => ({
    act: (by) => by.do(CreateApiKey, { name: 'deploy' }),
    leaves: [{ kind: 'API_KEY', key: 'deploy', before: null, after: { name: 'deploy', revokedAt: null } }],
    isRepeatable: true,
  }),
  async revokeApiKey(_app, { api }) {
    await api.do(CreateApiKey, { name: 'old' })
    const id = (await api.do(ListApiKeys, {})).apiKeys.find((one) => one.name === 'old')?.id ?? ''
    return {
      act: (by) => by.do(RevokeApiKey, { id }),
      leaves: [
        { kind: 'API_KEY', key: 'old', before: { name: 'old', revokedAt: null }, after: { name: 'old', revokedAt: expectText } },
      ],
    }
  },
  async upsertTemplates(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('a', 'one'), template('b', 'same')] })
    return {
      act: (by) => by.do(UpsertTemplates, { templates: [template('a', 'two'), template('b', 'same'), template('c', 'new')] }),
      leaves: [
        {
          kind: 'TEMPLATE',
          key: 'a',
          before: { contents: { 'IN_APP en': { body: 'one' } } },
          after: { contents: { 'IN_APP en': { body: 'two' } } },
        },
        { kind: 'TEMPLATE', key: 'c', before: null, after: { active: true, contents: { 'IN_APP en': { body: 'new' } } } },
      ],
    }
  },
  async publishTemplate(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('a', 'one')] })
    await api.do(SetTemplateDrafts, { templateDrafts: true })
    await api.do(UpsertTemplates, { templates: [template('a', 'two')] })
    return {
      act: (by) => by.do(PublishTemplate, { key: 'a' }),
      leaves: [
        {
          kind: 'TEMPLATE',
          key: 'a',
          before: { contents: { 'IN_APP en': { body: 'one' } }, draft: { version: 2 } },
          after: { contents: { 'IN_APP en': { body: 'two' } }, draft: null },
        },
      ],
    }
  },
  async restoreTemplateVersion(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('a', 'one')] })
    await api.do(UpsertTemplates, { templates: [template('a', 'two')] })
    return {
      act: (by) => by.do(RestoreTemplateVersion, { key: 'a', number: 1 }),
      leaves: [
        {
          kind: 'TEMPLATE',
          key: 'a',
          before: { contents: { 'IN_APP en': { body: 'two' } } },
          after: { contents: { 'IN_APP en': { body: 'one' } } },
        },
      ],
    }
  },
  async deleteTemplates(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('a', 'one')] })
    return {
      act: (by) => by.do(DeleteTemplates, { keys: ['a', 'never-there'] }),
      leaves: [{ kind: 'TEMPLATE', key: 'a', before: { contents: { 'IN_APP en': { body: 'one' } } }, after: null }],
    }
  },
  async upsertCampaigns(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('t', 'one'), template('u', 'two')] })
    await api.do(UpsertCampaigns, { campaigns: [{ key: 'a', template: 't' }] })
    return {
      act: (by) =>
        by.do(UpsertCampaigns, {
          campaigns: [
            { key: 'a', template: 'u' },
            { key: 'b', template: 't' },
          ],
        }),
      leaves: [
        { kind: 'CAMPAIGN', key: 'a', before: { template: 't' }, after: { template: 'u', active: true } },
        { kind: 'CAMPAIGN', key: 'b', before: null, after: { template: 't', segment: null, dispatch: 'API' } },
      ],
    }
  },
  async deleteCampaigns(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('t', 'one')] })
    await api.do(UpsertCampaigns, { campaigns: [{ key: 'a', template: 't' }] })
    return {
      act: (by) => by.do(DeleteCampaigns, { keys: ['a'] }),
      leaves: [{ kind: 'CAMPAIGN', key: 'a', before: { template: 't' }, after: null }],
    }
  },
  async upsertSegments(_app, { api }) {
    await api.do(UpsertSegments, { segments: [{ key: 'a', where }] })
    return {
      act: (by) => by.do(UpsertSegments, { segments: [{ key: 'a', name: 'Korea' }] }),
      leaves: [{ kind: 'SEGMENT', key: 'a', before: { name: 'a' }, after: { name: 'Korea' } }],
    }
  },
  async deleteSegments(_app, { api }) {
    await api.do(UpsertSegments, { segments: [{ key: 'a', where }] })
    return {
      act: (by) => by.do(DeleteSegments, { keys: ['a'] }),
      leaves: [{ kind: 'SEGMENT', key: 'a', before: { name: 'a' }, after: null }],
    }
  },
  async upsertTopics(_app, { api }) {
    await api.do(UpsertTopics, { topics: [{ key: 'a', name: 'A' }, { key: 'b' }] })
    return {
      act: (by) => by.do(UpsertTopics, { topics: [{ key: 'a', name: 'News' }, { key: 'b' }, { key: 'c' }] }),
      leaves: [
        { kind: 'TOPIC', key: 'a', before: { name: 'A' }, after: { name: 'News' } },
        { kind: 'TOPIC', key: 'c', before: null, after: { key: 'c', name: 'c' } },
      ],
    }
  },
  async deleteTopics(_app, { api }) {
    await api.do(UpsertTopics, { topics: [{ key: 'a' }] })
    return {
      act: (by) => by.do(DeleteTopics, { keys: ['a'] }),
      leaves: [{ kind: 'TOPIC', key: 'a', before: { name: 'a' }, after: null }],
    }
  },
  async configureProviders(_app, { api }) {
    await api.do(ConfigureProviders, { providers: [mail('one.example.com')] })
    return {
      act: (by) => by.do(ConfigureProviders, { providers: [mail('two.example.com')] }),
      leaves: [
        {
          kind: 'PROVIDER',
          key: 'mail',
          before: { kind: 'smtp', settings: { host: 'one.example.com' } },
          after: { kind: 'smtp', settings: { host: 'two.example.com' } },
        },
      ],
    }
  },
  async deleteProviders(_app, { api }) {
    await api.do(ConfigureProviders, { providers: [mail('one.example.com')] })
    return {
      act: (by) => by.do(DeleteProviders, { keys: ['mail'] }),
      leaves: [{ kind: 'PROVIDER', key: 'mail', before: { settings: { host: 'one.example.com' } }, after: null }],
    }
  },
  async addSuppressions(_app, { api }) {
    await api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: 'known@example.com' }] })
    return {
      act: (by) =>
        by.do(AddSuppressions, {
          suppressions: ['known@example.com', 'new@example.com'].map((address) => ({ channel: 'EMAIL' as const, address })),
        }),
      leaves: [{ kind: 'SUPPRESSION', key: expectText, before: null, after: { channel: 'EMAIL', reason: 'MANUAL' } }],
    }
  },
  async removeSuppression(_app, { api }) {
    const made = await api.do(AddSuppressions, { suppressions: [{ channel: 'EMAIL', address: 'known@example.com' }] })
    const id = made.addSuppressions[0]?.id ?? ''
    return {
      act: (by) => by.ask(RemoveSuppression, { id }),
      leaves: [{ kind: 'SUPPRESSION', key: id, before: { channel: 'EMAIL', reason: 'MANUAL' }, after: null }],
    }
  },
  async deleteContacts(_app, { api }) {
    const contacts = ['ann', 'bob'].map((externalId) => ({ externalId, email: `${externalId}@example.com` }))
    await api.do(UpsertContacts, { contacts })
    await api.do(GetContact, { externalId: 'ann' })
    return {
      act: (by) =>
        by.do(DeleteContacts, { contacts: [{ externalId: 'ann' }, { email: 'bob@example.com' }, { externalId: 'cy' }] }),
      leaves: [
        { kind: 'CONTACT', key: null, before: null, after: null },
        { kind: 'CONTACT', key: null, before: null, after: null },
      ],
    }
  },
  async cancel(_app, { api }) {
    await api.do(UpsertTemplates, { templates: [template('t', 'one')] })
    const sendAt = new Date(Date.now() + 3_600_000).toISOString()
    const transactionId = 'for-ann@example.com'
    await api.do(Send, { messages: [{ template: 't', contact: { externalId: 'ann' }, transactionId, sendAt }] })
    const key = `sha256:${createHash('sha256').update(transactionId).digest('hex')}`
    return {
      act: (by) => by.do(Cancel, { transactionId }),
      leaves: [{ kind: 'TRANSACTION', key, before: null, after: { canceled: true } }],
    }
  },
  async retryMessages(app, project) {
    const { api } = project
    await api.do(ConfigureProviders, { providers: [{ key: 'text', channel: 'SMS', kind: 'capture', settings: {} }] })
    await api.do(UpsertTemplates, { templates: [{ key: 's', sms: [{ body: 'Hi' }] }] })
    await api.do(Send, { messages: [{ template: 's', contact: { externalId: 'ann', phone: '+15005550006' } }], wait: 'SENT' })
    const failed = { projectId: project.id, channel: 'SMS' as const }
    await app.app.prisma.message.updateMany({ where: failed, data: { status: 'FAILED' } })
    const [message] = await app.app.prisma.message.findMany({ where: failed })
    const id = message?.id ?? ''
    return {
      act: (by) => by.do(RetryMessages, { messages: [id] }),
      leaves: [{ kind: 'MESSAGE', key: null, before: null, after: { retriedCount: 1, messages: [id] } }],
    }
  },
}

/** Whether what is there has everything that is expected. */
export function contains(there: unknown, expected: unknown): boolean {
  if (expected === expectText) return typeof there === 'string' && there !== ''
  if (typeof expected !== 'object' || expected === null) return there === expected
  if (typeof there !== 'object' || there === null) return false
  const found = new Map(Object.entries(there))
  return Object.entries(expected).every(([name, value]) => contains(found.get(name), value))
}
