/** Inbound mail. */
import { projectOf } from './access.ts'
import type { Builder } from './builder.ts'

/** Defines `inboundParse`. */
export function defineInbound(builder: Builder) {
  const InboundParse = builder.objectRef<{ readonly domain: string | null }>('InboundParse').implement({
    description: "DNS setup of the project's inbound domain.",
    fields: (t) => ({
      mxRecordConfigured: t.boolean({
        description:
          "Whether an MX record of the project's inbound domain points to this server's mail host. Also false if no domain or host is " +
          'configured, or the look-up fails. Looked up at most every 10 seconds.',
        resolve: ({ domain }, _args, context) => context.carillon.inbound.isConfigured(domain),
      }),
    }),
  })
  builder.queryFields((t) => ({
    inboundParse: t.field({
      type: InboundParse,
      description: "Whether mail to the project's inbound domain is routed to this server.",
      resolve: (_root, _args, context) => ({ domain: projectOf(context).inboundDomain }),
    }),
  }))
}
