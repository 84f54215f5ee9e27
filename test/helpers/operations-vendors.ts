/** Documents about how contacts are reached, and what providers look like. */
import { graphql } from '../../generated/gql.ts'

export const SetCredentials = graphql(`
  mutation SetCredentials($contact: ID!, $provider: ID!, $deviceTokens: [String!], $webhookUrl: String, $channelName: String) {
    setCredentials(contact: $contact, provider: $provider, deviceTokens: $deviceTokens, webhookUrl: $webhookUrl, channelName: $channelName) {
      externalId
      credentials { provider channel deviceTokens webhookUrl channelName updatedAt }
    }
  }
`)

export const GetReach = graphql(`
  query GetReach($contact: ID!) {
    contact(externalId: $contact) {
      id externalId firstName lastName email phone photoUrl locale profile isOnline lastOnlineAt createdAt updatedAt
      credentials { provider channel deviceTokens webhookUrl channelName updatedAt }
    }
  }
`)

export const PreviewPush = graphql(`
  query PreviewPush($message: MessageInput!) {
    preview(message: $message) {
      ok error { code }
      channels { channel wouldSend reason { code message } address provider title body truncated }
    }
  }
`)

export const GetProviderSettings = graphql(`
  query GetProviderSettings {
    providers { key kind settings }
  }
`)
