/** The documents of erasing. */
import { graphql } from '../../generated/gql.ts'

export const Erase = graphql(`
  mutation Erase($contacts: [ContactSelector!], $addresses: [String!]) {
    deleteContacts(contacts: $contacts, addresses: $addresses) {
      deletedCount
      erasure { notificationCount messageCount rewrittenCount idCount suppressionCount keptContacts isComplete }
    }
  }
`)
