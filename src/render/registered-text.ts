/** The text of an Alimtalk as it is registered with KakaoTalk, where `#{name}` is a variable. */

/**
 * Matches a variable, with its name in the second group and a brace before it in the first; or a piece of Liquid, which is left as it is.
 * The text has been parsed, so every tag that opens is closed.
 */
const PIECE = /\{%-?\s*raw\s*-?%\}[\s\S]*?\{%-?\s*endraw\s*-?%\}|\{\{[\s\S]*?\}\}|\{%[\s\S]*?%\}|(\{?)#\{(?!%)([^{}"\n]+)\}/g

/** Names of the variables of a registered text, once each. */
export const registeredVariables = (text: string): string[] => [
  ...new Set([...text.matchAll(PIECE)].flatMap(([, , name]) => name ?? [])),
]

/** The same text as Liquid, which finds the values in `data`. */
export const asLiquid = (text: string): string =>
  text.replace(PIECE, (piece: string, brace: string | undefined, name: string | undefined) => {
    if (name === undefined) return piece
    // A brace followed by the two of an output would be parsed differently.
    return `${brace ? '{{ "{" }}' : ''}{{ data["${name.replaceAll('\\', '\\\\')}"] }}`
  })
