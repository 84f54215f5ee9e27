/** What a version of a template says, as it is stored. Pure. */
import type { StoredContent } from '../render/contents.ts'
import type { Channel, ChannelRule, ContentOf, DigestRule, JsonObject, Severity } from '../words.ts'

/** What a version of a template says. */
export interface VersionContent {
  readonly name: string
  readonly active: boolean
  readonly critical: boolean
  readonly strict: boolean
  readonly inPreferences: boolean
  readonly feed: string
  /** left out: NORMAL */
  readonly severity?: Severity
  readonly rules: readonly ChannelRule[]
  readonly delaySeconds: number | null
  readonly digest: DigestRule | null
  readonly dataSchema: JsonObject | null
  readonly contents: { readonly [C in Channel]?: { readonly [locale: string]: ContentOf[C] } }
}

/** The column of a version. Only the statements of db/template-version.ts write it, in this shape. */
export const versionContentOf = (column: unknown): VersionContent => column as VersionContent

/** The contents of a version, one by one. */
export const contentsOfVersion = ({ contents }: VersionContent): StoredContent[] =>
  Object.entries(contents).flatMap(([channel, locales]) =>
    Object.entries(locales).map(
      ([locale, content]): StoredContent => ({ channel: channel as Channel, locale, content: content as ContentOf[Channel] }),
    ),
  )
