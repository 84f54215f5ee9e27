/** The typed documents of events, segments and campaigns. */
import { graphql } from '../../generated/gql.ts'

export const TrackEvents = graphql(`
  mutation TrackEvents($events: [EventInput!]!) {
    trackEvents(events: $events) { acceptedCount }
  }
`)

export const UpsertSegments = graphql(`
  mutation UpsertSegments($segments: [SegmentInput!]!) {
    upsertSegments(segments: $segments) { id key name where contactCount createdAt updatedAt }
  }
`)

export const DeleteSegments = graphql(`
  mutation DeleteSegments($keys: [ID!]!) {
    deleteSegments(keys: $keys) { deletedCount }
  }
`)

export const GetSegment = graphql(`
  query GetSegment($key: ID!) {
    segment(key: $key) { key name where contactCount }
    segments(first: 100) { totalCount nodes { key } }
  }
`)

export const UpsertCampaigns = graphql(`
  mutation UpsertCampaigns($campaigns: [CampaignInput!]!) {
    upsertCampaigns(campaigns: $campaigns) {
      id key name active dispatch channel nextRunAt createdAt updatedAt
      template { key }
      segment { key }
      schedule { at cron timezone onEvent }
    }
  }
`)

export const DeleteCampaigns = graphql(`
  mutation DeleteCampaigns($keys: [ID!]!) {
    deleteCampaigns(keys: $keys) { deletedCount }
  }
`)

export const GetCampaign = graphql(`
  query GetCampaign($key: ID!) {
    campaign(key: $key) { key name active dispatch channel nextRunAt template { key } segment { key } schedule { at cron timezone onEvent } }
    campaigns(first: 100) { totalCount nodes { key } }
  }
`)

export const CampaignNotifications = graphql(`
  query CampaignNotifications($filter: NotificationFilter) {
    notifications(filter: $filter, first: 100) {
      totalCount
      nodes { transactionId data channels campaign { key } contact { externalId } template { key } messages { channel status } }
    }
  }
`)

export const TriggerCampaign = graphql(`
  mutation TriggerCampaign($campaign: ID!, $recipients: [RecipientInput!]!, $transactionId: ID) {
    triggerCampaign(campaign: $campaign, recipients: $recipients, transactionId: $transactionId) {
      transactionId acceptedCount duplicateCount skipped { index error { code field } }
    }
  }
`)

export const SendText = graphql(`
  mutation SendText($type: TextType!, $title: String, $body: String!, $recipients: [PhoneInput!]!, $transactionId: ID) {
    sendText(type: $type, title: $title, body: $body, recipients: $recipients, transactionId: $transactionId) {
      transactionId acceptedCount duplicateCount skipped { index error { code } }
    }
  }
`)

export const SendAlimtalk = graphql(`
  mutation SendAlimtalk($templateCode: String!, $recipients: [AlimtalkRecipientInput!]!, $transactionId: ID) {
    sendAlimtalk(templateCode: $templateCode, recipients: $recipients, transactionId: $transactionId) {
      transactionId acceptedCount duplicateCount skipped { index error { code } }
    }
  }
`)

export const SendFriendtalk = graphql(`
  mutation SendFriendtalk($messageType: FriendtalkType, $isAd: Boolean, $recipients: [FriendtalkRecipientInput!]!, $transactionId: ID) {
    sendFriendtalk(messageType: $messageType, isAd: $isAd, recipients: $recipients, transactionId: $transactionId) {
      transactionId acceptedCount duplicateCount skipped { index error { code } }
    }
  }
`)

export const Dispatched = graphql(`
  query Dispatched($transactionId: ID!) {
    notifications(filter: { transactionId: $transactionId }, first: 100) {
      totalCount
      nodes {
        data
        contact { externalId }
        template { key }
        campaign { key }
        messages { __typename channel status error { code } ... on OutboundMessage { address subject text } ... on InAppMessage { body } }
      }
    }
  }
`)

export const PutCredentials = graphql(`
  mutation PutCredentials($contact: ID!, $provider: ID!, $deviceTokens: [String!]) {
    setCredentials(contact: $contact, provider: $provider, deviceTokens: $deviceTokens) { externalId }
  }
`)

export const DispatchedAttempts = graphql(`
  query DispatchedAttempts($transactionId: ID!) {
    notifications(filter: { transactionId: $transactionId }, first: 100) {
      nodes { contact { externalId } messages { status attempts { number ok } } }
    }
  }
`)

export const CountedDays = graphql(`
  query CountedDays($channel: Channel) {
    stats(last: 1, channel: $channel) { weeklySent days { count sent } }
  }
`)
