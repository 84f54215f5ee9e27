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
