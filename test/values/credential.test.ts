import { expect, it } from 'vitest'
import { credentialIn, isToken, wrongForm } from '../../src/values/credential.ts'

const key = `ck_${'a'.repeat(43)}`
const token = 'eyJh.eyJi.c2ln'

it.each([
  [key, key],
  [`Bearer ${key}`, key],
  [` bearer  ${key} `, key],
  [`ApiKey ${token}`, token],
  [`APIKEY\t${token}`, token],
])('finds nothing wrong with the form of %j', (text, credential) => {
  expect(wrongForm(text)).toBeNull()
  expect(credentialIn(text)).toBe(credential)
  expect(isToken(credential)).toBe(credential === token)
})

it.each([
  ['Bearer', '"Bearer" has no credential after it'],
  ['ApiKey ', '"ApiKey" has no credential after it'],
  [`Bearer Bearer ${key}`, 'twice'],
  [`ApiKey Bearer ${key}`, 'twice'],
  ['Bearer undefined', 'the word "undefined"'],
  ['Bearer null', 'the word "null"'],
  ['Bearer $KEY', 'placeholder'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a shell did not fill in
  ['Bearer ${API_KEY}', 'placeholder'],
  ['Bearer {{ token }}', 'placeholder'],
  ['Bearer <your key>', 'placeholder'],
  ['Basic dXNlcjpwYXNz', 'The scheme "Basic" is not supported'],
  [`Token ${key}`, 'The scheme "Token" is not supported'],
  [`Digest username="a", realm="b"`, 'The scheme "Digest" is not supported'],
  ['AWS4-HMAC-SHA256 Credential=a', 'The scheme "AWS4-HMAC-SHA256" is not supported'],
  [`Bearer "${key}"`, 'quotes'],
  [`Bearer sk_${'a'.repeat(43)}`, 'This is a secret key'],
  [`ak_${'a'.repeat(43)}`, 'This is an access key'],
  ['Bearer ck_short', 'it has 8 characters, and a key has 46'],
  [`Bearer ${key}x`, 'it has 47 characters'],
  [`Bearer ck_${'a'.repeat(42)}!`, 'characters that no key has'],
  [`Bearer ${key.slice(0, 20)} ${key.slice(20)}`, 'white space'],
  ['Bearer wrong', 'no credential of this server'],
  ['Bearer a.b', 'no credential of this server'],
  ['\ud800', 'no credential of this server'],
])('says of %j: %s', (text, expected) => {
  const said = wrongForm(text)
  expect(said).toContain(expected)
  expect(said).not.toContain('aaaa')
})
