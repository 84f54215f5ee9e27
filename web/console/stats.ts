/** What was sent, and with what outcome, by day. */
import { html, type TemplateResult } from 'lit'
import type { Channel, StatsByDayQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import { choice } from './form.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { createPlot, type Line } from './plot.ts'
import { figures } from './results.ts'
import { changed, type Route } from './router.ts'
import { table } from './table.ts'
import { count } from './time.ts'

const StatsByDay = graphql(`
  query StatsByDay($last: Int, $template: ID, $channel: Channel) {
    stats(last: $last, template: $template, channel: $channel) {
      weeklySent monthlySent yearlySent
      days {
        date count sent delivered failed seen read
        templates { template count }
        channels { channel sent delivered failed read }
      }
    }
    templates(first: 100) { nodes { key name } }
  }
`)

type Day = StatsByDayQuery['stats']['days'][number]

const spans = [
  ['7', '7 days'],
  ['32', '32 days'],
  ['90', '90 days'],
  ['365', '1 year'],
] as const
const channelColours = {
  IN_APP: 'accent',
  EMAIL: 'good',
  SMS: 'warn',
  PUSH: 'bad',
  WEB_PUSH: 'violet',
  CHAT: 'teal',
  ALIMTALK: 'rose',
  FRIENDTALK: 'olive',
  WEBHOOK: 'quiet',
} as const satisfies Record<Channel, string>

const secondsOf = ({ date }: Day): number => Date.parse(`${date}T00:00:00Z`) / 1_000

export function openStats({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const of = (name: string): string => route.query.get(name) ?? ''
  const span = (): string => spans.find(([value]) => value === of('days'))?.[0] ?? '32'
  const found = createLoad(async () => {
    const channel: Channel | null = channelNames.find((one) => one === of('channel')) ?? null
    return api.ask(StatsByDay, { last: Number(span()), template: of('template') === '' ? null : of('template'), channel })
  }, update)
  const outcome = createPlot('Outcome by day')
  const byChannel = createPlot('Sent by channel and day')
  const set = (name: string) => (value: string) => replace(['stats'], changed(route.query, { [name]: value }))

  const plots = (days: readonly Day[]): TemplateResult => {
    const past = days.toReversed()
    const x = past.map(secondsOf)
    const line = (label: string, colour: Line['colour'], pick: (day: Day) => number): Line => ({
      label,
      colour,
      values: past.map(pick),
    })
    const used = channelNames.filter((channel) => past.some((day) => day.channels.some((one) => one.channel === channel)))
    const sentOn = (channel: Channel) => (day: Day) => day.channels.find((one) => one.channel === channel)?.sent ?? 0
    return html`
      <section class="panel" aria-labelledby="outcome-title">
        <header><h2 id="outcome-title">Outcome</h2></header>
        <div class="body">
          ${outcome.view(x, [
            line('Sent', 'accent', (day) => day.sent),
            line('Delivered', 'good', (day) => day.delivered),
            line('Read', 'warn', (day) => day.read),
            line('Failed', 'bad', (day) => day.failed),
          ])}
        </div>
      </section>
      <section class="panel" aria-labelledby="channels-title">
        <header><h2 id="channels-title">Sent by channel</h2></header>
        <div class="body">
          ${byChannel.view(
            x,
            used.map((channel) => line(channelLabel(channel), channelColours[channel], sentOn(channel))),
          )}
        </div>
      </section>
    `
  }

  const dayTable = (days: readonly Day[]): TemplateResult =>
    table<Day>({
      caption: 'Notifications by day',
      rows: days.filter((day) => day.count > 0),
      key: ({ date }) => date,
      columns: [
        { head: 'Day', class: 'keep', cell: ({ date }) => date },
        { head: 'Accepted', class: 'number', cell: (day) => count(day.count) },
        { head: 'Sent', class: 'number', cell: (day) => count(day.sent) },
        { head: 'Delivered', class: 'number minor', cell: (day) => count(day.delivered) },
        { head: 'Failed', class: 'number', cell: (day) => count(day.failed) },
        { head: 'Seen', class: 'number minor', cell: (day) => count(day.seen) },
        { head: 'Read', class: 'number minor', cell: (day) => count(day.read) },
        {
          head: 'Top templates',
          class: 'minor',
          cell: ({ templates }) =>
            templates
              .slice(0, 2)
              .map((one) => `${one.template} ${count(one.count)}`)
              .join(', '),
        },
      ],
    })

  void found.run()
  return {
    title: () => 'Statistics',
    view: () => html`
      <div class="head"><h1 tabindex="-1">Statistics</h1></div>
      <div class="filters">
        ${choice({ id: 'days', label: 'Period', value: span(), options: spans, change: set('days') })}
        ${choice({
          ...{ id: 'channel', label: 'Channel', value: of('channel'), change: set('channel') },
          options: [['', 'All'], ...channelNames.map((one) => [one, channelLabel(one)] as const)],
        })}
        ${choice({
          ...{ id: 'template', label: 'Template', value: of('template'), change: set('template') },
          options: [['', 'All'], ...(found.value?.templates.nodes ?? []).map(({ key, name }) => [key, name] as const)],
        })}
      </div>
      ${loaded(
        found,
        ({ stats }) => html`
          ${figures([
            ['Sent in the last 7 days', stats.weeklySent],
            ['Sent in the last month', stats.monthlySent],
            ['Sent in the last year', stats.yearlySent],
          ])}
          ${
            stats.days.every((day) => day.count === 0)
              ? html`<div class="panel">${empty('Nothing was sent in this period', '')}</div>`
              : html`${plots(stats.days)}<section class="panel" aria-label="By day">${dayTable(stats.days)}</section>`
          }
        `,
      )}
    `,
    moved(to) {
      route = to
      void found.run()
    },
    close() {
      outcome.close()
      byChannel.close()
    },
  }
}
