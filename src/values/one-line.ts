/** Texts of one line: subjects, titles, names, labels. What is rendered from data may have line breaks in it, and no header or title can. */

/** White space of any script, and control characters. */
const GAP = /[\s\p{Cc}\u2028\u2029]+/gu
/** One that keeps its own width or does not break (NBSP, the ideographic space): alone, it stays. */
const isKept = (gap: string): boolean => /^[^\p{Cc}\u2028\u2029\ufeff]$/u.test(gap)

/** The text on one line: each run of white space and control characters becomes one space, and there is none at either end. */
export const oneLine = (text: string): string => text.replace(GAP, (gap) => (isKept(gap) ? gap : ' ')).trim()
