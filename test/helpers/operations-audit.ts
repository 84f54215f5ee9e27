/** Documents about the audit log. */
import { graphql } from '../../generated/gql.ts'

export const AuditLog = graphql(`
  query AuditLog($filter: AuditFilterInput, $first: Int, $after: String, $last: Int, $before: String) {
    auditLog(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
      totalCount
      nodes { id at actor { kind id name email } remoteAddress operation target { kind id key } before after }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const SetAuditRetention = graphql(`
  mutation SetAuditRetention($days: Int) { updateProject(input: { auditRetentionDays: $days }) { auditRetentionDays } }
`)

export const RotateAll = graphql(`
  mutation RotateAll { rotateSecretKey(revokeKeys: true, revokeTokens: true) { revokedKeys { name } tokensRevoked } }
`)
