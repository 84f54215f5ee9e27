/** The value of an `Authorization` header, or of `authorization` in a socket's parameters: the credential in it, and what is wrong with its form. */

const SCHEME = /^(bearer|apikey)\s+/i
/** A signed token: three parts of base64url. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/
const KEY_CHARS = 46

/** The credential, without the scheme. */
export const credentialIn = (authorization: string): string => authorization.trim().replace(SCHEME, '')

/** Whether a credential has the form of a signed token. */
export const isToken = (credential: string): boolean => TOKEN.test(credential)

/** What is said where no credential was given. */
export const noCredential =
  'No credential was given. Send an API key or a token as "Authorization: Bearer …", over a WebSocket as "authorization" in the connection parameters.'

/**
 * Why a credential can't be one of this server, by its form alone; null: it may be one. Nothing is looked up, so it says nothing about
 * which credentials there are, and it repeats no more of the credential than its scheme.
 */
export function wrongForm(authorization: string): string | null {
  const text = authorization.trim()
  const credential = credentialIn(text)
  if (/^(bearer|apikey)$/i.test(text)) return `"${text}" has no credential after it.`
  if (SCHEME.test(credential)) return 'The scheme is there twice: send it once, as in "Bearer …".'
  if (/^(undefined|null|nil|none|\[object Object\])$/i.test(credential)) {
    return `The credential is the word "${credential}": the variable that it comes from is not set.`
  }
  if (/^(\$\{?\w+\}?|\{\{.*\}\}|<.*>|…|\.\.\.)$/.test(credential))
    return 'The credential is a placeholder: put in the key itself.'
  const [scheme = '', ...rest] = credential.split(/[\s=]+/)
  if (rest.length > 0 && rest[0] !== '') {
    return /^[a-z][a-z0-9-]{0,19}$/i.test(scheme) && !isToken(scheme)
      ? `The scheme "${scheme}" is not supported: use "Bearer" or "ApiKey", with an API key or a token.`
      : 'A credential has no white space in it: it was probably not copied as a whole.'
  }
  if (/^["']|["']$/.test(credential)) return 'The credential has quotes around it: send it without them.'
  if (credential.startsWith('sk_')) {
    return 'This is a secret key (sk_…): it is exchanged for a token by the mutation authenticate. Send an API key (ck_…) or that token.'
  }
  if (credential.startsWith('ak_')) {
    return 'This is an access key (ak_…), which names a project for the mutation authenticate. Send an API key (ck_…) or a token.'
  }
  if (credential.startsWith('ck_')) {
    if (/^ck_[\w-]{43}$/.test(credential)) return null
    return credential.length === KEY_CHARS
      ? 'The API key has characters that no key has.'
      : `The API key is not whole: it has ${credential.length} characters, and a key has ${KEY_CHARS}.`
  }
  return isToken(credential)
    ? null
    : 'This is no credential of this server: an API key begins with ck_, and a token has three parts.'
}
