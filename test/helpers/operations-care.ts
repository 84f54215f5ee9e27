/** Documents about mail that comes in, and about what is kept. */
import { graphql } from '../../generated/gql.ts'

export const InboundParse = graphql(`
  query InboundParse { inboundParse { mxRecordConfigured } }
`)

export const SetRetention = graphql(`
  mutation SetRetention($days: Int) { updateProject(input: { retentionDays: $days }) { retentionDays } }
`)
