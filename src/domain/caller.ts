/** Callers: whose credential an operation is called with, and what it is good for. */
import type { Project } from '../db/generated/client.ts'
import type { Role, Scope } from '../words.ts'

/** Who is behind the credential of a project: an API key, an access token, or a person who is signed in. */
export type Who =
  | { readonly kind: 'key'; readonly id: string; readonly name: string }
  /** `generation`: of the token, see `Standing`; left out: 0 */
  | { readonly kind: 'token'; readonly generation?: number }
  | {
      readonly kind: 'person'
      readonly id: string
      readonly email: string | null
      readonly name: string | null
      readonly role: Role
    }

/** The owner of a credential. */
export type Caller =
  | { readonly kind: 'none' }
  | { readonly kind: 'operator' }
  | {
      readonly kind: 'project'
      readonly project: Project
      /** the API key; null for an access token and for a person */
      readonly keyId: string | null
      readonly scopes: ReadonlySet<Scope>
      readonly who: Who
      /** null: never */
      readonly expiresAt: Date | null
      /** whether addresses and contents of messages are masked for it */
      readonly maskPersonalData: boolean
      /** of a person: the session, which can be ended */
      readonly sessionId?: string
    }
  | {
      readonly kind: 'contact'
      readonly project: Project
      readonly contactId: string
      readonly externalId: string
      readonly expiresAt: Date
      /** of the token, see `Standing`; left out: 0 */
      readonly generation?: number
    }
