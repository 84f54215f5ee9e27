/** The part without a face. */
import { graphql } from '../graphql.ts'

export const InboxViewer = graphql(`
  query InboxViewer { viewer { expiresAt contact { externalId } } }
`)
