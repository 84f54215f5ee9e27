/** Values of Notifly's requests: the project, and the names that its document writes in two ways. */
import { z } from 'zod'
import { CarillonError } from '../errors.ts'
import { type Call, projectOf } from './dialect.ts'

/** A name that ends in ID in some endpoints, and in Id in others. */
type Name = 'project' | 'user'

const described = {
  project: 'Key or id of the project, which must be that of the token.',
  user: 'The id of the user.',
} satisfies Record<Name, string>

const idField = (name: Name) => z.string().nullish().meta({ description: described[name] })

/** The fields of a project, in both spellings. */
export const projectFields = { projectID: idField('project'), projectId: idField('project') }
/** Those of a user. */
export const userFields = { userID: idField('user'), userId: idField('user') }

/** Says in the description of an object that one spelling of each of these is needed. */
export const needs = (...names: readonly Name[]) => ({
  allOf: names.map((name) => ({ anyOf: [{ required: [`${name}ID`] }, { required: [`${name}Id`] }] })),
})

/** The value of a name in either spelling; null: it has none. Two that differ are an issue of the schema. */
export function either(
  name: Name,
  value: Readonly<Partial<Record<`${Name}ID` | `${Name}Id`, string | null | undefined>>>,
  context: z.RefinementCtx,
): string | null {
  const [one, other] = [value[`${name}ID`] ?? null, value[`${name}Id`] ?? null]
  if (one !== null && other !== null && one !== other) {
    context.addIssue({ code: 'custom', message: `is not ${name}Id`, path: [`${name}ID`] })
  }
  return one ?? other
}

/** The same, where it can't be left out. `spelling`: the one that its endpoint uses. */
export function eitherOf(
  name: Name,
  spelling: 'ID' | 'Id',
  value: Parameters<typeof either>[1],
  context: z.RefinementCtx,
): string {
  const found = either(name, value, context)
  if (found === null) context.addIssue({ code: 'custom', message: 'is needed', path: [`${name}${spelling}`] })
  return found ?? ''
}

/** The project of a call, which is the one that the request names. `given`: by key or id. @throws CarillonError BAD_INPUT */
export function projectNamed(call: Call, ...given: readonly string[]) {
  const project = projectOf(call)
  if (given.some((one) => one !== project.key && one !== project.id)) {
    throw new CarillonError('BAD_INPUT', {
      message: `The project is not that of the token, whose key is ${JSON.stringify(project.key)}.`,
    })
  }
  return project
}
