/** People with a role in a project, and grants that wait for a first sign-in. */
import { isoTimes, type Runner } from './database.ts'

/** A person with a role, or a grant that waits for one. */
export interface PersonRow {
  /** of the person; of a grant that waits, its own */
  readonly id: string
  readonly hasSignedIn: boolean
  readonly email: string | null
  readonly isEmailVerified: boolean
  readonly name: string | null
  readonly lastSeenAt: string | null
  /** null: a grant that waits */
  readonly claimRoles: unknown
  /** of the grant; null: the role is from a claim alone */
  readonly role: string | null
  readonly maskPersonalData: boolean | null
  readonly grantedBy: string | null
  readonly grantedAt: string | null
}

/** `$1`: the project's id; `$2`: its key. */
const PEOPLE = `
  SELECT p.id, true AS "hasSignedIn", p.email, p.is_email_verified AS "isEmailVerified", p.name, p.last_seen_at AS "lastSeenAt", p.claim_roles AS "claimRoles",
         g.role, g.mask_personal_data AS "maskPersonalData", g.granted_by AS "grantedBy", g.created_at AS "grantedAt"
  FROM person p LEFT JOIN role_grant g ON g.project_id = $1 AND g.person_id = p.id
  WHERE g.id IS NOT NULL
     OR CASE WHEN p.claim_roles ? $2 THEN p.claim_roles ->> $2 IS NOT NULL ELSE p.claim_roles ->> '*' IS NOT NULL END
  UNION ALL
  SELECT g.id, false, g.email, false, NULL, NULL, NULL, g.role, g.mask_personal_data, g.granted_by, g.created_at
  FROM role_grant g WHERE g.project_id = $1 AND g.person_id IS NULL`

/** People of a project by id, at most `take`, in one direction. */
export async function findPeople(
  runner: Runner,
  project: { readonly id: string; readonly key: string },
  range: { readonly gt: string | null; readonly lt: string | null; readonly isAscending: boolean; readonly take: number },
): Promise<PersonRow[]> {
  const text = `SELECT * FROM (${PEOPLE}) AS people
    WHERE ($3::uuid IS NULL OR id > $3) AND ($4::uuid IS NULL OR id < $4) ORDER BY id ${range.isAscending ? 'ASC' : 'DESC'} LIMIT $5`
  const { rows } = await runner.query<PersonRow>({
    text,
    values: [project.id, project.key, range.gt, range.lt, range.take],
    types: isoTimes,
  })
  return rows
}

/** One of them. */
export async function findPerson(
  runner: Runner,
  project: { readonly id: string; readonly key: string },
  id: string,
): Promise<PersonRow | null> {
  const { rows } = await runner.query<PersonRow>({
    text: `SELECT * FROM (${PEOPLE}) AS people WHERE id = $3`,
    values: [project.id, project.key, id],
    types: isoTimes,
  })
  return rows[0] ?? null
}

/** How many there are. */
export async function countPeople(runner: Runner, project: { readonly id: string; readonly key: string }): Promise<number> {
  const { rows } = await runner.query<{ total: number }>({
    text: `SELECT count(*) AS total FROM (${PEOPLE}) AS people`,
    values: [project.id, project.key],
  })
  return rows[0]?.total ?? 0
}

/** Gives the grants that wait for an e-mail address to the person who has it, where the person has none in the project yet. */
export async function takeGrants(runner: Runner, personId: string, email: string): Promise<void> {
  await runner.query({
    text: `UPDATE role_grant g SET person_id = $1, email = NULL WHERE g.email = $2
           AND NOT EXISTS (SELECT FROM role_grant o WHERE o.project_id = g.project_id AND o.person_id = $1)`,
    values: [personId, email],
  })
  await runner.query({ text: 'DELETE FROM role_grant WHERE email = $1', values: [email] })
}
