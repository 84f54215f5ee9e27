/** Callers for tests of parts that are given one. */
import type { Project } from '../../src/db/generated/client.ts'
import type { Caller } from '../../src/graphql/context.ts'
import { type Scope, scopes } from '../../src/words.ts'

/** The caller that an API key of a project stands for, with all scopes or the given ones. */
export const keyCaller = (
  id: string,
  project: Project,
  only: readonly Scope[] = scopes,
): Extract<Caller, { kind: 'project' }> => ({
  kind: 'project',
  project,
  keyId: id,
  scopes: new Set(only),
  who: { kind: 'key', id, name: id },
  expiresAt: null,
  maskPersonalData: false,
})
