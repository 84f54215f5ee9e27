/** A variable is the same whether it is looked up by itself or in an object of all of them. */
import { expect, it } from 'vitest'
import { createRenderer, type Scope } from '../../src/render/renderer.ts'
import { contactFields, emptyContact } from '../../src/words.ts'
import { seeded } from '../helpers/seed.ts'

const names = [
  ...contactFields,
  ...['id', 'externalId', 'data', 'contact', 'user', 'subscriber', 'actor', 'project', 'event', 'payload', 'digest'],
  ...['unsubscribeUrl', 'own', 'gone', 'constructor', '__proto__', 'toString', 'preferences', 'properties', 'key', 'name'],
]
const paths = names.flatMap((name) => [
  name,
  ...['own', 'id', 'email', 'key', 'count', 'firstName'].map((key) => `${name}.${key}`),
])

it('finds the same variable with and without Liquid, whatever the names in the data and the profile', () => {
  const random = seeded()
  const renderer = createRenderer()
  const some = (from: string): Record<string, string | { own: string }> =>
    // As JSON has it: also `__proto__` is a name like any other.
    JSON.parse(
      `{${names
        .filter(() => random() < 0.3)
        .map((name) => `${JSON.stringify(name)}: ${random() < 0.3 ? `{"own": "${from}'s ${name}"}` : `"${from}'s ${name}"`}`)
        .join(',')}}`,
    )
  for (let round = 0; round < 100; round++) {
    const given = Object.fromEntries(contactFields.map((field) => [field, random() < 0.5 ? null : `field ${field}`]))
    const scope: Scope = {
      project: { id: 'p', key: 'shop', name: 'Shop', locale: 'en', timezone: 'UTC', resendUnknown: false },
      contact:
        random() < 0.2
          ? null
          : { ...emptyContact, ...given, id: 'uuid', externalId: 'ext', properties: some('property'), preferences: {} },
      actor: random() < 0.5 ? null : { externalId: 'a', firstName: 'Bo', lastName: null, photoUrl: null },
      data: some('data'),
      digest: random() < 0.5 ? null : { count: 2, items: [], latest: {} },
      unsubscribeUrl: random() < 0.5 ? null : 'https://a.example/u',
    }
    for (const path of paths) {
      const shown = (source: string): string => {
        try {
          return renderer.text('body', source, scope)
        } catch (error) {
          // An object whose `toString` is a text.
          return String(error).replace(/, line:.*/s, '')
        }
      }
      expect(shown(`{{ ${path} }}`), path).toBe(shown(`{{ ${path} | append: "" }}`))
    }
  }
})
