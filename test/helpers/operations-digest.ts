import { graphql } from '../../generated/gql.ts'

export const UpsertTimed = graphql(`
  mutation UpsertTimed($templates: [TemplateInput!]!) {
    upsertTemplates(templates: $templates) {
      key delaySeconds dataSchema
      rules { channel delaySeconds onlyIf }
      digest { windowSeconds key }
    }
  }
`)

export const PreviewTimes = graphql(`
  query PreviewTimes($message: MessageInput!) {
    preview(message: $message) {
      ok error { code message field }
      channels { channel wouldSend delaySeconds onlyIf reason { code message } subject text title body }
    }
  }
`)

export const GetFolded = graphql(`
  query GetFolded($id: ID!) {
    notification(id: $id) {
      id transactionId data sendAt canceledAt channels
      messages { id channel status ... on OutboundMessage { subject text } ... on InAppMessage { title body } error { code message } }
      foldedInto { id }
    }
  }
`)

export const DeleteTemplates = graphql(`
  mutation DeleteTemplates($keys: [ID!]!) {
    deleteTemplates(keys: $keys) { deletedCount }
  }
`)
