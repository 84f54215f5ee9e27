/** Documents of tests of the versions of templates. */
import { graphql } from '../../generated/gql.ts'

export const UpsertVersioned = graphql(`
  mutation UpsertVersioned($templates: [TemplateInput!]!) {
    upsertTemplates(templates: $templates) { key name version latestVersion published inApp { locale body } draft { number } samples { name data } }
  }
`)

export const GetVersions = graphql(`
  query GetVersions($key: ID!, $first: Int, $after: String) {
    template(key: $key) {
      key name active version latestVersion published updatedAt inApp { locale body }
      draft { number name inApp { locale body } }
      samples { name data }
      versions(first: $first, after: $after) {
        totalCount
        nodes {
          number createdAt publishedAt restoredFrom author { kind id name email } name channels locales variables inApp { locale body }
          email { locale subject text } rules { channel delaySeconds } changes { path before after }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
`)

export const GetVersion = graphql(`
  query GetVersion($key: ID!, $number: Int!, $since: Int) {
    templateVersion(key: $key, number: $number) { number name inApp { locale body } changes(since: $since) { path before after } }
  }
`)

export const PublishTemplate = graphql(`
  mutation PublishTemplate($key: ID!, $expectedVersion: Int) {
    publishTemplate(key: $key, expectedVersion: $expectedVersion) { key name version latestVersion published inApp { locale body } draft { number } }
  }
`)

export const RestoreTemplateVersion = graphql(`
  mutation RestoreTemplateVersion($key: ID!, $number: Int!, $expectedVersion: Int) {
    restoreTemplateVersion(key: $key, number: $number, expectedVersion: $expectedVersion) {
      key name version latestVersion inApp { locale body } draft { number inApp { body } }
    }
  }
`)

export const PreviewVersion = graphql(`
  query PreviewVersion($message: MessageInput!, $draft: TemplateInput, $version: Int) {
    preview(message: $message, draft: $draft, version: $version) { ok error { code field } channels { body } }
  }
`)

export const SetTemplateDrafts = graphql(`
  mutation SetTemplateDrafts($templateDrafts: Boolean!) { updateProject(input: { templateDrafts: $templateDrafts }) { templateDrafts } }
`)

export const MessageVersions = graphql(`
  query MessageVersions($filter: NotificationFilter) {
    notifications(filter: $filter, first: 100) { nodes { messages { channel status templateVersion } } }
  }
`)
