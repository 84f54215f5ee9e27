/** The part of the demo about campaigns: one that is triggered by API for a list of recipients, and one that is triggered by an event. */
import { setTimeout as sleep } from 'node:timers/promises'
import { graphql } from './generated/gql.ts'
import type { Stage } from './timing.ts'

const PrepareCampaigns = graphql(`
  mutation DemoPrepareCampaigns {
    upsertTemplates(templates: [
      { key: "sale", name: "Sale", email: [{ subject: "The sale begins{% if name %}, {{ name }}{% endif %}", text: "Until Sunday." }] }
      { key: "cart", name: "Cart", inApp: [{ title: "Still in your cart", body: "{{ item }} is waiting for you." }] }
    ]) { key }
    upsertSegments(segments: [{ key: "shoppers", where: { event: { name: "cart_left", withinSeconds: 3600 } } }]) { key }
    upsertCampaigns(campaigns: [
      { key: "sale", dispatch: API, channel: EMAIL, template: "sale" }
      { key: "cart", dispatch: SEGMENT, channel: IN_APP, template: "cart", segment: "shoppers", schedule: { onEvent: "cart_left" } }
    ]) { key }
  }
`)
const TriggerSale = graphql(`
  mutation DemoTriggerSale {
    triggerCampaign(campaign: "sale", recipients: [
      { type: EMAIL, email: "ann@example.com", eventParams: { name: "Ann" } }
      { type: EMAIL, email: "ben@example.com" }
      { type: EMAIL, email: "ANN@example.com" }
    ]) { transactionId acceptedCount duplicateCount }
  }
`)
const ReadSale = graphql(`
  query DemoLookSale($transactionId: ID!) {
    notifications(filter: { transactionId: $transactionId }, first: 10) {
      nodes { messages { status ... on OutboundMessage { address subject } } }
    }
  }
`)
const LeaveCart = graphql(`
  mutation DemoLeaveCart($contact: ID!) {
    trackEvents(events: [{ name: "cart_left", contact: $contact, params: { item: "A bell" } }]) { acceptedCount }
  }
`)
const ReadCart = graphql(`
  query DemoLookCart($contact: ID!) {
    notifications(filter: { contact: $contact, templates: ["cart"] }, first: 1) {
      nodes { campaign { key } messages { ... on InAppMessage { title body } } }
    }
  }
`)

const POLL_MS = 100
const POLLS = 150

/** Runs both campaigns, and prints what they send. @throws Error when nothing is sent in time */
export async function showCampaigns({ contact, ask, printLine }: Stage): Promise<void> {
  await ask(PrepareCampaigns, {})

  printLine('Triggering the campaign "sale" for three e-mail addresses, two of which are the same')
  const { triggerCampaign: sale } = await ask(TriggerSale, {})
  printLine(`  campaign   ${sale.acceptedCount} accepted, ${sale.duplicateCount} duplicate`)
  for (let polls = 0; polls < POLLS; polls++) {
    const { notifications } = await ask(ReadSale, { transactionId: sale.transactionId })
    const mails = notifications.nodes.flatMap((one) => one.messages.flatMap((message) => ('subject' in message ? [message] : [])))
    if (mails.length === sale.acceptedCount && mails.every((mail) => mail.status === 'SENT')) {
      for (const mail of mails) printLine(`  email      ${mail.status} to ${mail.address}: "${mail.subject}"`)
      break
    }
    await sleep(POLL_MS)
  }

  printLine('Tracking that the contact left a cart: that event triggers the campaign "cart" for contacts in its segment')
  await ask(LeaveCart, { contact })
  for (let polls = 0; polls < POLLS; polls++) {
    const { notifications } = await ask(ReadCart, { contact })
    const [message] = notifications.nodes[0]?.messages ?? []
    if (message !== undefined && 'body' in message) {
      printLine(`  campaign   ${notifications.nodes[0]?.campaign?.key}: "${message.title}" - ${message.body}`)
      return
    }
    await sleep(POLL_MS)
  }
  throw new Error('The event triggered no message in time')
}
