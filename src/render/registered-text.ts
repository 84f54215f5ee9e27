/** The text of an Alimtalk as it is registered with KakaoTalk: `#{name}` stands for what is given under that name. */

/**
 * A variable, in the second group, with a brace before it in the first; or a piece of Liquid, which is passed over as it is. The text was
 * parsed: what opens is closed.
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
    // A brace before two others would be another expression.
    return `${brace ? '{{ "{" }}' : ''}{{ data["${name.replaceAll('\\', '\\\\')}"] }}`
  })
