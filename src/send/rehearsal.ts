/** The rehearsal of one channel of a message: rendered, and checked by the code of its provider, without being sent (jobs/rehearsal.ts). */
import type { ProviderRow } from '../db/provider.ts'
import type { ContentCache } from '../domain/contents.ts'
import type { Problem } from '../errors.ts'
import type { Renderer } from '../render/renderer.ts'
import type { SmsSize } from '../values/sms.ts'
import type {
  Actor,
  Channel,
  ContactInfo,
  DigestItems,
  DirectContent,
  JsonObject,
  Overrides,
  ProjectInfo,
  TemplateInfo,
} from '../words.ts'
import type { ChannelDecision } from './decide.ts'
import type { Target } from './target.ts'

/** One channel of a message that would be accepted. */
export interface Rehearsable {
  readonly project: ProjectInfo
  readonly template: TemplateInfo | null
  readonly content: DirectContent | null
  readonly channel: Channel
  readonly contact: ContactInfo | null
  readonly actor: Actor | null
  readonly data: JsonObject
  readonly overrides: Overrides | null
  readonly decision: Pick<ChannelDecision, 'locale' | 'targets'>
  readonly digest: DigestItems | null
}
/** The texts of a channel, as they would be sent. */
export interface RehearsedTexts {
  readonly subject: string | null
  readonly title: string | null
  readonly body: string | null
  readonly html: string | null
  readonly text: string | null
  /** of an e-mail; null: the provider's own */
  readonly from: string | null
  readonly replyTo: string | null
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly sms: SmsSize | null
  readonly truncated: boolean
}
/** Its texts, where it would go, and why it would not. */
export type Rehearsed = RehearsedTexts & { readonly target: Target | null; readonly reason: Problem | null }
/** Renders a channel, and has its providers check it, without sending. @throws SlowTemplate */
export type Rehearse = (
  message: Rehearsable,
  providers: readonly ProviderRow[],
  deps: { readonly contents: ContentCache; readonly renderer: Renderer },
) => Promise<Rehearsed>

/** Texts of a channel that has none. */
export const noTexts: RehearsedTexts = {
  subject: null,
  title: null,
  body: null,
  html: null,
  text: null,
  from: null,
  replyTo: null,
  cc: [],
  bcc: [],
  sms: null,
  truncated: false,
}
