/** Documents about mail that comes in, and about what is kept. */
import { graphql } from '../../generated/gql.ts'

export const InboundParse = graphql(`
  query InboundParse { inboundParse { mxRecordConfigured } }
`)

export const SetRetention = graphql(`
  mutation SetRetention($days: Int) { updateProject(input: { retentionDays: $days }) { retentionDays } }
`)

export const FeedWhole = graphql(`
  query FeedWhole($contact: ID) {
    feed(contact: $contact) {
      nodes {
        __typename id channel status transactionId template feed title body iconUrl url data count createdAt updatedAt sentAt deliveredAt
        seenAt readAt archivedAt error { code }
        actor { externalId firstName lastName photoUrl }
        primaryAction { type label url status payload }
        secondaryAction { type label url status payload }
        notification { id contact { externalId } }
      }
    }
  }
`)

export const ProjectKeys = graphql(`
  query ProjectKeys { viewer { project { id key accessKey } } }
`)

export const SetDevices = graphql(`
  mutation SetDevices($contact: ID!, $provider: ID!, $deviceTokens: [String!], $webhookUrl: String) {
    setCredentials(contact: $contact, provider: $provider, deviceTokens: $deviceTokens, webhookUrl: $webhookUrl) {
      credentials { provider channel deviceTokens webhookUrl }
    }
  }
`)

export const TextTo = graphql(`
  mutation TextTo($recipients: [PhoneInput!]!, $transactionId: ID) {
    sendText(type: SMS, body: "Hi", recipients: $recipients, transactionId: $transactionId) { acceptedCount duplicateCount }
  }
`)
