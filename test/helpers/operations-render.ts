/** Documents of tests of what is rendered, and of what is said about it. */
import { graphql } from '../../generated/gql.ts'

export const PreviewWith = graphql(`
  query PreviewWith($message: MessageInput!, $draft: TemplateInput) {
    preview(message: $message, draft: $draft) {
      ok
      error { code message field }
      channels { channel wouldSend body subject title html text reason { code message } }
    }
  }
`)

export const NotificationNamed = graphql(`
  query NotificationNamed($id: ID, $key: ID) { notification(id: $id, key: $key) { id key } }
`)

export const SendWarned = graphql(`
  mutation SendWarned($messages: [MessageInput!]!) {
    sendMessages(messages: $messages) {
      results {
        ok
        error { code message field }
        warnings { code field message }
        notification { id warnings { code field message } }
      }
    }
  }
`)

export const PreviewWarned = graphql(`
  query PreviewWarned($message: MessageInput!, $draft: TemplateInput) {
    preview(message: $message, draft: $draft) { ok error { code message field } warnings { code field } }
  }
`)

export const BroadcastStrict = graphql(`
  mutation BroadcastStrict($input: BroadcastInput!) { broadcast(input: $input) { transactionId } }
`)

export const StrictTemplate = graphql(`
  query StrictTemplate($key: ID!) { template(key: $key) { key strict } }
`)

export const NotificationWarnings = graphql(`
  query NotificationWarnings($filter: NotificationFilter) {
    notifications(filter: $filter, first: 100) {
      nodes { id key template { key } contact { externalId } foldedInto { id } messages { channel status } warnings { code field message retryable } }
    }
  }
`)
