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
