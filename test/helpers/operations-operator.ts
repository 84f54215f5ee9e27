/** Operations of the server's operator, and of revoking tokens. */
import { graphql } from '../../generated/gql.ts'

export const RevokeContactTokens = graphql(`
  mutation RevokeContactTokens($contact: ID!) { revokeContactTokens(contact: $contact) { externalId } }
`)

export const OperatorProjects = graphql(`
  query OperatorProjects($first: Int, $after: String, $search: String) {
    operatorProjects(first: $first, after: $after, search: $search) {
      nodes {
        id key name status suspendedAt suspendedReason apiKeyCount lastUsedAt
        deletion { beginsAt beganAt tableCount rowCount }
      }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
`)

export const SuspendProject = graphql(`
  mutation SuspendProject($project: ID!, $reason: String) {
    suspendProject(project: $project, reason: $reason) { status suspendedReason }
  }
`)

export const ResumeProject = graphql(`
  mutation ResumeProject($project: ID!) { resumeProject(project: $project) { status } }
`)

export const DeleteProject = graphql(`
  mutation DeleteProject($project: ID!, $confirm: ID!, $afterHours: Int) {
    deleteProject(project: $project, confirm: $confirm, afterHours: $afterHours) { status deletion { beginsAt beganAt } }
  }
`)

export const RecoverProject = graphql(`
  mutation RecoverProject($project: ID!, $revokeKeys: Boolean) {
    recoverProject(project: $project, revokeKeys: $revokeKeys) {
      project { status } apiKey { name scopes } secret revokedKeys { name }
    }
  }
`)

export const SetProjectLimits = graphql(`
  mutation SetProjectLimits($project: ID!, $limits: ProjectLimitsInput!) {
    setProjectLimits(project: $project, limits: $limits) { key limits { project contacts key contact } }
  }
`)

export const GrantRole = graphql(`
  mutation GrantRole($email: String!, $role: Role!) { grantRole(email: $email, role: $role) { id role } }
`)

export const RevokeRole = graphql(`
  mutation RevokeRole($person: ID!) { revokeRole(person: $person) { id } }
`)
