/** What holds for every kind of the registry. What each does with messages: test/helpers/provider-contract.ts. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { describeKinds, kindOf, kinds, parseSettings, secretSettings } from '../../src/channels/registry.ts'
import { CarillonError } from '../../src/errors.ts'
import type { JsonObject } from '../../src/words.ts'
import { checkSettings, schemaOf } from '../helpers/settings-schema.ts'

describe.each(Object.entries(kinds))('the kind %s', (name, kind) => {
  it('has a test of its own that runs the suite of all providers', () => {
    const test = readFileSync(join(import.meta.dirname, `${name}.test.ts`), 'utf8')
    expect(test).toContain(`\ndescribeProvider('${name}', `)
  })

  it('has its name, a title, and channels that go out', () => {
    expect(kind.kind).toBe(name)
    expect(kind.title).toMatch(/^[A-Z]/)
    expect(kind.channels.length).toBeGreaterThan(0)
    expect(kind.channels).not.toContain('IN_APP')
  })

  it('describes every setting: a title, a sentence, and whether it is secret', () => {
    const { properties } = schemaOf(name)
    expect(Object.keys(properties)).toEqual(Object.keys(kind.settings.shape))
    expect(Object.keys(properties).length).toBeGreaterThan(0)
    for (const [setting, { title, description }] of Object.entries(properties)) {
      expect(title, setting).toMatch(/^[A-Z]/)
      expect(description, setting).toMatch(/^\S.{15,}\.$/)
    }
    const secrets = Object.keys(properties).filter((setting) => properties[setting]?.writeOnly === true)
    expect(secretSettings(name)).toEqual(secrets)
  })

  it('takes the defaults that it describes', () => {
    const defaults = Object.entries(schemaOf(name).properties).flatMap(([setting, schema]) =>
      schema.default === undefined ? [] : [[setting, schema.default] as const],
    )
    const shape: Readonly<Record<string, z.ZodType>> = kind.settings.shape
    for (const [setting, value] of defaults) expect(shape[setting]?.safeParse(value).success, setting).toBe(true)
  })
})

it('describes the kinds in the order of the registry', () => {
  expect(describeKinds().map(({ kind }) => kind)).toEqual(Object.keys(kinds))
})

describe('settings', () => {
  const wrong: [string, JsonObject, string][] = [
    ['no host', { from: 'a@b.example' }, 'settings.host'],
    ['no sender', { host: 'mail.example' }, 'settings.from'],
    ['a sender of two addresses', { host: 'mail.example', from: 'a@b.example, c@d.example' }, 'settings.from'],
    ['a port out of range', { host: 'mail.example', from: 'a@b.example', port: 70_000 }, 'settings.port'],
    ['a port that is no number', { host: 'mail.example', from: 'a@b.example', port: 'smtp' }, 'settings.port'],
    ['a host with a line break', { host: 'mail.example\r\nx', from: 'a@b.example' }, 'settings.host'],
    ['a user without password', { host: 'mail.example', from: 'a@b.example', user: 'u' }, 'settings.password'],
    ['a misspelt setting', { host: 'mail.example', from: 'a@b.example', requireTLS: true }, 'settings.requireTLS'],
  ]
  it.each(wrong)('of smtp with %s are refused, naming the field', (_, settings, field) => {
    expect(() => parseSettings('smtp', 'EMAIL', settings)).toThrow(
      expect.objectContaining({ code: 'BAD_INPUT', details: expect.objectContaining({ field }) }),
    )
  })

  const described: [string, string, JsonObject][] = [
    ['a user without password', 'smtp', { host: 'mail.example', from: 'a@b.example', user: 'u' }],
    ['a port out of range', 'smtp', { host: 'mail.example', from: 'a@b.example', port: 70_000 }],
    ['no sender', 'twilio', { accountSid: `AC${'0'.repeat(32)}`, authToken: 'x' }],
    [
      'two senders',
      'twilio',
      { accountSid: `AC${'0'.repeat(32)}`, authToken: 'x', from: '123', messagingServiceSid: `MG${'0'.repeat(32)}` },
    ],
    ['a team id of nine characters', 'apns', { teamId: 'A12345678', keyId: 'A123456789', privateKey: 'x', topic: 'a.b' }],
    ['an unknown urgency', 'web-push', { publicKey: 'x', privateKey: 'y', subject: 'mailto:a@b.c', urgency: 'utmost' }],
  ]
  it.each(described)('with %s are refused by the schema that clients see, too: %s', (_, kind, settings) => {
    expect(checkSettings(kind, settings)).toBe(false)
    expect(() => parseSettings(kind, kindOf(kind).channels[0] ?? 'EMAIL', settings)).toThrow(CarillonError)
  })

  it('of an unknown kind are refused, naming the kinds', () => {
    for (const name of ['pigeon', 'toString', '__proto__']) {
      expect(() => kindOf(name)).toThrow(CarillonError)
      expect(() => kindOf(name)).toThrow(/it is one of capture, smtp/)
    }
  })
})
