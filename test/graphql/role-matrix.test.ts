/** What each role of a person may do: every root field of the schema, by what its row in the table of permissions takes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permissions, type Requirement } from '../../src/domain/permission.ts'
import { SuspendProject } from '../helpers/operations-operator.ts'
import { type PeopleApp, startPeopleApp } from '../helpers/people.ts'
import { documentOf, type RootField, rootFields } from '../helpers/root-fields.ts'
import { newShop } from '../helpers/setup.ts'

/** Written out here: what a role is good for does not change by accident. */
const may: Readonly<Record<string, readonly string[]>> = {
  viewer: ['public', 'self', 'read'],
  sender: ['public', 'self', 'read', 'send'],
  editor: ['public', 'self', 'read', 'send', 'manage'],
  admin: ['public', 'self', 'read', 'send', 'manage', 'keys'],
  'admin:masked': ['public', 'self', 'read', 'send', 'manage'],
}
const roles: Record<string, string> = {}
const refusedMasked = ['createContactToken', 'preview', 'upsertSegments']

let people: PeopleApp
let fields: RootField[]
beforeAll(async () => {
  people = await startPeopleApp({
    claimed: {
      sub: 'claimed',
      get roles() {
        return roles
      },
    },
  })
  fields = rootFields(people.app.app.schema).filter(({ kind }) => kind !== 'subscription')
})
afterAll(() => people?.stop())

describe('a person', () => {
  it.each(Object.keys(may))('with the role %s is let in to what its scopes are good for, and to nothing else', async (role) => {
    const project = await newShop(people.app, null)
    roles[project.key] = role
    const person = await people.signIn('claimed')
    const outcomes: Record<string, boolean> = {}
    const wanted: Record<string, boolean> = {}
    for (const field of fields) {
      const { query, variables } = documentOf(people.app.app.schema, field, () => undefined)
      const { codes } = await person.ask(project.key, '', {}, { body: JSON.stringify({ query, variables }) })
      // What authenticate is given here are no keys.
      outcomes[field.name] =
        field.name === 'authenticate' || !codes.some((code) => ['FORBIDDEN', 'UNAUTHENTICATED'].includes(code))
      const taken: Requirement = permissions[field.name as keyof typeof permissions]
      const isMasked = role.endsWith(':masked') && refusedMasked.includes(field.name)
      wanted[field.name] = !isMasked && taken.some((one) => [one].flat().every((each) => may[role]?.includes(each)))
    }
    expect(outcomes).toEqual(wanted)
    expect(Object.values(wanted).filter(Boolean).length).toBeGreaterThan(10)
  })

  it('is PROJECT_SUSPENDED where the project is suspended, as its keys are', async () => {
    const project = await newShop(people.app, null)
    roles[project.key] = 'admin'
    const person = await people.signIn('claimed')
    expect((await person.ask(project.key, '{ viewer { isOperator } }')).codes).toEqual([])
    await people.app.operator.do(SuspendProject, { project: project.key, reason: null })
    expect((await person.ask(project.key, '{ viewer { isOperator } }')).codes).toEqual(['PROJECT_SUSPENDED'])
  })
})
