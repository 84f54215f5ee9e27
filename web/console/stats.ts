/** What was sent, and with what outcome, by day. */
import { html, type TemplateResult } from 'lit'
import type { Channel } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import { templateChoices } from './choices.ts'
import { cut } from './cut.ts'
import { choice } from './form.ts'
import { createLoad, empty, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { changeOf, type Day, ofChannel, pointsOf, shareOf, shownShare, topTemplates, totalsOf } from './period.ts'
import { createPlot, type Line, type Plot } from './plot.ts'
import { changed, href, type Route } from './router.ts'
import { table } from './table.ts'
import { count, counted } from './time.ts'

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
  }
`)

const spans = [
  ['7', '7 days'],
  ['32', '32 days'],
  ['90', '90 days'],
  ['365', '1 year'],
] as const
/** Days that the server gives at most: a period that has no other before it within them is not compared. */
const DAYS_MAX = 400
const TOP = 10

/** Height of the chart of one channel, px. */
const SMALL = 140
const withShare = (part: number, whole: number): TemplateResult =>
  html`${count(part)} <span class="quiet small">${shownShare(shareOf(part, whole))}</span>`
const secondsOf = ({ date }: Day): number => Date.parse(`${date}T00:00:00Z`) / 1_000

export function openStats({ api, update, replace }: Deps, first: Route): Page {
  let route = first
  const of = (name: string): string => route.query.get(name) ?? ''
  const span = (): string => spans.find(([value]) => value === of('days'))?.[0] ?? '32'
  /** null: the period before is further back than the server's statistics go */
  const compared = (): number | null => (2 * Number(span()) <= DAYS_MAX ? Number(span()) : null)
  const found = createLoad(async () => {
    const channel: Channel | null = channelNames.find((one) => one === of('channel')) ?? null
    const last = Number(span()) + (compared() ?? 0)
    return api.ask(StatsByDay, { last, template: of('template') === '' ? null : of('template'), channel })
  }, update)
  const templates = createLoad(() => templateChoices(api), update)
  const plots = new Map<string, Plot>()
  const plotOf = (name: string, height?: number): Plot => {
    const plot = plots.get(name) ?? createPlot(`${name} by day`, height)
    plots.set(name, plot)
    return plot
  }
  const set = (name: string) => (value: string) => replace(['stats'], changed(route.query, { [name]: value }))

  /** Lines of what occurs. */
  const linesOf = (
    rows: readonly { readonly sent: number; readonly delivered: number; readonly read: number; readonly failed: number }[],
  ) =>
    (
      [
        ['Sent', 'accent', 'sent'],
        ['Delivered', 'good', 'delivered'],
        ['Read', 'warn', 'read'],
        ['Failed', 'bad', 'failed'],
      ] as const
    )
      .map(([label, colour, name]): Line => ({ label, colour, values: rows.map((row) => row[name]) }))
      .filter(({ label, values }) => label === 'Sent' || values.some((value) => value > 0))
  const outcome = (days: readonly Day[]): TemplateResult => {
    const past = days.toReversed()
    const x = past.map(secondsOf)
    const used = channelNames.filter((channel) => ofChannel(past, channel).some(({ sent, failed }) => sent + failed > 0))
    return html`
      <section class="panel" aria-labelledby="outcome-title">
        <header><h2 id="outcome-title">Outcome</h2></header>
        <div class="body">${plotOf('Outcome').view(x, linesOf(past))}</div>
      </section>
      ${
        used.length < 2
          ? ''
          : html`<section aria-label="By channel" class="multiples">
              ${used.map(
                (channel) => html`<div class="panel">
                  <header><h2>${channelLabel(channel)}</h2></header>
                  <div class="body">${plotOf(channelLabel(channel), SMALL).view(x, linesOf(ofChannel(past, channel)))}</div>
                </div>`,
              )}
            </section>`
      }
    `
  }
  /** A rate with its count, and how both were in the period before. */
  const rates = (days: readonly Day[], before: readonly Day[] | null): TemplateResult => {
    const [now, then] = [totalsOf(days), before === null ? null : totalsOf(before)]
    const rate = (label: string, name: 'delivered' | 'read' | 'failed') => {
      const whole = name === 'failed' ? 'count' : 'sent'
      const share = shareOf(now[name], now[whole])
      const points = then === null ? null : pointsOf(share, shareOf(then[name], then[whole]))
      return [
        label,
        shownShare(share),
        [`${count(now[name])} of ${count(now[whole])}`, ...(points === null ? [] : [points])].join(' · '),
      ] as const
    }
    const change = then === null ? null : changeOf(now.sent, then.sent)
    const shown = [
      ['Sent', count(now.sent), [`of ${count(now.count)} accepted`, ...(change === null ? [] : [change])].join(' · ')] as const,
      ...[rate('Delivered', 'delivered'), rate('Read', 'read'), rate('Failed', 'failed')],
    ]
    return html`<dl class="figures">
        ${shown.map(([label, value, more]) => html`<div class="panel figure"><dt>${label}</dt><dd>${value}<span class="sub">${more}</span></dd></div>`)}
      </dl>
      ${then === null ? '' : html`<p class="quiet small">Changes are against the ${counted(Number(span()), 'day')} before.</p>`}`
  }
  const templatesTable = (days: readonly Day[], before: readonly Day[] | null): TemplateResult => {
    const top = topTemplates(days, before ?? [])
    const all = top.reduce((sum, one) => sum + one.count, 0)
    return html`<section class="panel" aria-labelledby="top-title">
      <header><h2 id="top-title">Top templates</h2></header>
      ${table({
        caption: 'Top templates',
        rows: top.slice(0, TOP),
        key: ({ template }) => template,
        columns: [
          {
            head: 'Template',
            cell: ({ template }) => html`<a class="row" href=${href(['templates', template])}>${cut(template, 40)}</a>`,
          },
          { head: 'Accepted', class: 'number', cell: (one) => count(one.count) },
          { head: 'Share', class: 'number minor', cell: (one) => shownShare(shareOf(one.count, all)) },
          {
            head: 'Change',
            class: 'number',
            cell: (one) => (before === null ? '–' : (changeOf(one.count, one.before) ?? 'new')),
          },
        ],
      })}
    </section>`
  }

  const dayTable = (days: readonly Day[]): TemplateResult =>
    table<Day>({
      caption: 'Notifications by day',
      rows: days.filter((day) => day.count > 0),
      key: ({ date }) => date,
      columns: [
        { head: 'Day', class: 'keep', cell: ({ date }) => date },
        { head: 'Accepted', class: 'number minor', cell: (day) => count(day.count) },
        { head: 'Sent', class: 'number', cell: (day) => count(day.sent) },
        { head: 'Delivered', class: 'number', cell: (day) => withShare(day.delivered, day.sent) },
        { head: 'Seen', class: 'number minor', cell: (day) => withShare(day.seen, day.sent) },
        { head: 'Read', class: 'number minor', cell: (day) => withShare(day.read, day.sent) },
        { head: 'Failed', class: 'number', cell: (day) => withShare(day.failed, day.count) },
      ],
    })

  const period = (all: readonly Day[]): TemplateResult => {
    const days = all.slice(0, Number(span()))
    const before = compared() === null ? null : all.slice(Number(span()))
    if (days.every((day) => day.count === 0))
      return html`<div class="panel">${empty('Nothing was sent in this period', '')}</div>`
    return html`${rates(days, before)} ${outcome(days)} ${of('template') === '' ? templatesTable(days, before) : ''}
      <section class="panel" aria-label="By day">${dayTable(days)}</section>`
  }

  void found.run()
  void templates.run()
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
          options: [['', 'All'], ...(templates.value ?? []).map(({ key, name }) => [key, name] as const)],
        })}
      </div>
      ${loaded(
        found,
        ({ stats }) => html`
          ${period(stats.days)}
          <p class="quiet small">
            Notifications sent in the last 7 days: ${count(stats.weeklySent)}; in the last month: ${count(stats.monthlySent)}; in the last year:
            ${count(stats.yearlySent)}.
          </p>
        `,
      )}
    `,
    moved(to) {
      route = to
      void found.run()
    },
    close() {
      for (const plot of plots.values()) plot.close()
    },
  }
}
