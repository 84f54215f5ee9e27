/** Which links may stand in a message. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/

/** Whether a link may stand in a message: https, http, mailto, tel, or relative. */
export function isLink(text: string): boolean {
  if (text.length > 2048 || CONTROL.test(text)) return false
  const scheme = /^\s*([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]
  return scheme === undefined ? !/^\s*[\\/]{2}/.test(text) : /^(https?|mailto|tel)$/i.test(scheme)
}
