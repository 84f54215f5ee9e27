/** Who uses the console: a key, or a person who is signed in. */
import type { WhoAmIQuery } from '../generated/graphql.ts'
import { serverUrl } from '../server-url.ts'
import type { Scope } from './page.ts'

/** What the credential of the console is good for. */
export interface Viewer {
  readonly scopes: readonly Scope[]
  readonly isMasked: boolean
  /** null: it is a key */
  readonly person: NonNullable<WhoAmIQuery['viewer']['person']> | null
}

/** A person's session, as `/auth/session` has it. */
export interface PersonSession {
  readonly email: string | null
  readonly projects: readonly { readonly key: string; readonly role: string; readonly maskPersonalData: boolean }[]
}

/** Who is signed in; null: nobody. @throws Error when the server does not answer */
export async function readPerson(): Promise<PersonSession | null> {
  const response = await fetch(serverUrl('auth/session'), {
    headers: { accept: 'application/json' },
    referrerPolicy: 'no-referrer',
  })
  if (!response.ok) throw new Error(`The server answered ${response.status}.`)
  return ((await response.json()) as { readonly person: PersonSession | null }).person
}

/** Ends the session. @throws Error when the server does not answer */
export async function endSession(): Promise<void> {
  const response = await fetch(serverUrl('auth/sign-out'), { method: 'POST', headers: { 'content-type': 'application/json' } })
  if (!response.ok) throw new Error(`The server answered ${response.status}.`)
}
