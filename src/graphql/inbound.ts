/** Mail that comes in. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'

/** Adds it. */
export function defineInbound(builder: Builder) {
  const InboundParse = builder.objectRef<{ readonly domain: string | null }>('InboundParse').implement({
    description: "Where mail for the project's inbound domain goes.",
    fields: (t) => ({
      mxRecordConfigured: t.boolean({
        description:
          "Whether an MX record of the project's inbound domain names this server's mail host. False while there is any doubt: " +
          'no domain, no host, no record, no answer. Looked up at most every 10 s.',
        resolve: ({ domain }, _args, context) => context.domain.inbound.isConfigured(domain),
      }),
    }),
  })
  builder.queryFields((t) => ({
    inboundParse: t.field({
      type: InboundParse,
      description: "Whether mail for the project's inbound domain comes here.",
      resolve: (_root, _args, context) => ({ domain: projectOf(context).inboundDomain }),
    }),
  }))
}
