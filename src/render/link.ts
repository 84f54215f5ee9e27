/** Which links may stand in a message. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

const schemeOf = (text: string): string | undefined => /^\s*([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
const isShape = (text: string): boolean => text.length <= 2048 && !CONTROL.test(text)
const leavesHost = (text: string): boolean => /^\s*[\\/]{2}/.test(text)

/** Whether a link may stand in a push message: an app opens its own schemes, so all but those that run something or read files. */
export function isPushLink(text: string): boolean {
  if (!isShape(text)) return false
  const scheme = schemeOf(text)
  return scheme === undefined ? !leavesHost(text) : !/^(javascript|data|vbscript|file|blob)$/.test(scheme)
}

/** Whether a link may stand in a message: https, http, mailto, tel, or relative. */
export function isLink(text: string): boolean {
  if (!isShape(text)) return false
  const scheme = schemeOf(text)
  return scheme === undefined ? !leavesHost(text) : /^(https?|mailto|tel)$/.test(scheme)
}
