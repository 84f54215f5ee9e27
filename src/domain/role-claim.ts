/** Roles from a claim of the identity provider, and which role a person has in a project. */
import { type Role, roles } from '../words.ts'

/** A role, and whether personal data is masked for it. */
export interface HeldRole {
  readonly role: Role
  readonly maskPersonalData: boolean
}

/** Roles by the key of a project; `*`: of every project that is not named. null: none, whatever `*` says. */
export type ClaimRoles = { readonly [project: string]: string | null }

/** Where a role comes from. */
export type RoleSource = 'CLAIM' | 'GRANT'

const EVERY = '*'
const MASKED = ':masked'
/** What one claim may hold; more of it is ignored. */
const ENTRIES_MAX = 1_000
const PROJECT = /^[^:\s\0]{1,255}$/

/** Whether something is a role. */
export const isRole = (text: string): text is Role => roles.some((role) => role === text)

const textOf = ({ role, maskPersonalData }: HeldRole): string => `${role}${maskPersonalData ? MASKED : ''}`

/** Reads `viewer` or `viewer:masked`; null: it is neither. */
function readRole(text: unknown): HeldRole | null {
  if (typeof text !== 'string') return null
  const maskPersonalData = text.endsWith(MASKED)
  const role = maskPersonalData ? text.slice(0, -MASKED.length) : text
  return isRole(role) ? { role, maskPersonalData } : null
}

/** Two roles that a person has at the same time: the higher one; masked if either is. */
export function joinRoles(a: HeldRole, b: HeldRole): HeldRole {
  const { role } = roles.indexOf(a.role) >= roles.indexOf(b.role) ? a : b
  return { role, maskPersonalData: a.maskPersonalData || b.maskPersonalData }
}

/**
 * Reads the value of the claim: an object from projects to roles (`{"shop": "admin"}`), a list of texts (`["shop:admin", "*:viewer"]`), or
 * such texts in one, separated by spaces or commas. `:masked` after a role masks personal data. What is none of this is left out, so that a
 * claim that has other things too, such as groups, can be used.
 */
export function readClaimRoles(value: unknown): ClaimRoles {
  const found = new Map<string, HeldRole>()
  const add = (project: string, role: unknown): void => {
    const held = readRole(role)
    if (held === null || !PROJECT.test(project)) return
    const before = found.get(project)
    if (before === undefined && found.size >= ENTRIES_MAX) return
    found.set(project, before === undefined ? held : joinRoles(before, held))
  }
  const addText = (text: unknown): void => {
    if (typeof text !== 'string') return
    const colon = text.indexOf(':')
    if (colon > 0) add(text.slice(0, colon), text.slice(colon + 1))
  }
  if (Array.isArray(value)) value.forEach(addText)
  else if (typeof value === 'string') value.split(/[\s,]+/).forEach(addText)
  else if (typeof value === 'object' && value !== null) for (const [key, role] of Object.entries(value)) add(key, role)
  return Object.fromEntries([...found].map(([project, held]) => [project, textOf(held)]))
}

/** The role that a claim gives in a project; null: none. */
export function claimedRole(claims: ClaimRoles, projectKey: string): HeldRole | null {
  if (Object.hasOwn(claims, projectKey)) return readRole(claims[projectKey])
  return Object.hasOwn(claims, EVERY) ? readRole(claims[EVERY]) : null
}

/** The roles that claims name, as the database has them. */
export function storedClaims(value: unknown): ClaimRoles {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as ClaimRoles) : {}
}

/** Whether the claim gives a role in every project that it does not name. */
export const claimsEvery = (claims: ClaimRoles): boolean => claimedRole(claims, EVERY) !== null
