/** What decisions are made of, in its plainest form: a test changes the one fact that it is about. */
import type { TemplateContents } from '../../src/render/contents.ts'
import {
  type Channel,
  type ContactInfo,
  type CredentialInfo,
  emptyContact,
  type ProjectInfo,
  type Route,
  type TemplateInfo,
} from '../../src/words.ts'

export const project: ProjectInfo = {
  id: 'p1',
  key: 'shop',
  name: 'Shop',
  locale: 'en',
  timezone: 'UTC',
  resendUnknown: false,
}

/** A contact with an e-mail address, a number, and no preference. */
export const contact: ContactInfo = {
  ...emptyContact,
  id: 'c1',
  externalId: 'anna',
  email: 'anna@example.com',
  phone: '+14155550100',
  properties: {},
  preferences: {},
}

export const template: TemplateInfo = {
  id: 't1',
  key: 'order',
  version: 1,
  active: true,
  critical: false,
  strict: false,
  feed: 'default',
  rules: [],
  delaySeconds: null,
  digest: null,
}

export const routeOf = (id: string, more: Partial<Route> = {}): Route => ({
  id,
  key: `key-${id}`,
  kind: 'capture',
  hasAddress: false,
  dials: null,
  ...more,
})

export const credentialOf = (providerId: string, more: Partial<CredentialInfo> = {}): CredentialInfo => ({
  providerId,
  deviceTokens: [],
  webhookUrl: null,
  channelName: null,
  ...more,
})

/** Contents in these locales, of which no text is ever read. */
export function contentsOf(locales: { readonly [C in Channel]?: readonly string[] }): TemplateContents {
  const byChannel = new Map(Object.entries(locales) as [Channel, readonly string[]][])
  return {
    channels: [...byChannel.keys()],
    locales: (channel) => byChannel.get(channel) ?? [],
    stored: [],
    get: () => null,
  }
}
