/** The documents of sends to many, typed by codegen. */
import { graphql } from '../../generated/gql.ts'

export const Broadcast = graphql(`
  mutation Broadcast($input: BroadcastInput!) {
    broadcast(input: $input) { transactionId status }
  }
`)

export const Transaction = graphql(`
  query Transaction($id: ID!) {
    transaction(id: $id) { transactionId status total done sent failed }
  }
`)

export const WatchProgress = graphql(`
  subscription WatchProgress($transactionId: ID!) {
    progress(transactionId: $transactionId) { transactionId status total done sent failed }
  }
`)

export const ListWritten = graphql(`
  query ListWritten($transactionId: ID!) {
    notifications(filter: { transactionId: $transactionId }, first: 100) {
      nodes { id sendAt contact { externalId } messages { channel status error { code } } }
    }
  }
`)

export const ListTransactions = graphql(`
  query ListTransactions($filter: TransactionFilter, $first: Int, $after: String) {
    transactions(filter: $filter, first: $first, after: $after) {
      nodes {
        id kind createdAt sendAt
        by { kind id name }
        template { key } campaign { key }
        audience { kind topic { key } segment { key } }
        progress { status total done sent failed stats { count channels { channel sent } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

export const GetTransaction = graphql(`
  query GetTransaction($id: ID!) {
    transaction(id: $id) {
      status
      transaction {
        id kind by { kind } template { key } campaign { key } audience { kind }
        counts { isWhole notifications messages { channel status count } }
        notifications(first: 2) { totalCount nodes { transactionId contact { externalId } } }
      }
    }
  }
`)

export const CampaignRuns = graphql(`
  query CampaignRuns($key: ID!) {
    campaign(key: $key) { runs { totalCount nodes { id kind by { kind id name } audience { kind segment { key } } progress { status } } } }
  }
`)

export const Estimate = graphql(`
  query Estimate($input: EstimateInput!) {
    estimate(input: $input) {
      audience isExact decided reached duplicates
      unreached { reason { code message } count examples }
      channels { channel reached unreached { reason { code } count examples } }
    }
  }
`)
