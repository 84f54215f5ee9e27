/** A campaign: its template, its audience and its trigger. */
import { html, type TemplateResult } from 'lit'
import type { OneCampaignQuery } from '../generated/graphql.ts'
import { graphql } from '../graphql.ts'
import { channelLabel, channelNames } from './badge.ts'
import { type CampaignDraft, draftOfCampaign, inputOfCampaign, newCampaign, type Start } from './campaign-draft.ts'
import { createTrigger } from './campaign-trigger.ts'
import { segmentChoices, templateChoices } from './choices.ts'
import { createEstimate } from './estimate.ts'
import { check, choice, line, submit } from './form.ts'
import { createLoad, empty, failureOf, loaded } from './load.ts'
import type { Deps, Page } from './page.ts'
import { resultsView } from './results.ts'
import { href, type Route } from './router.ts'
import { sentColumns } from './sent.ts'
import { createSource } from './source.ts'
import { table } from './table.ts'
import { when, zoneName } from './time.ts'
import { createUnsaved } from './unsaved.ts'

const OneCampaign = graphql(`
  query OneCampaign($key: ID!) {
    campaign(key: $key) {
      key name active dispatch onlyChannel nextRunAt
      template { key } segment { key }
      schedule { at cron timezone onEvent }
      stats { count sent delivered failed seen read channels { channel sent delivered failed seen read } }
      runs(first: 10) {
        nodes {
          id kind createdAt
          by { kind name } template { key name }
          audience { kind topic { key name } segment { key name } }
          progress { status total done sent failed }
        }
        pageInfo { hasNextPage }
      }
    }
  }
`)

const SaveCampaign = graphql(`
  mutation SaveCampaign($campaigns: [CampaignInput!]!) { upsertCampaigns(campaigns: $campaigns) { key } }
`)

const DeleteCampaign = graphql(`
  mutation DeleteCampaign($keys: [ID!]!) { deleteCampaigns(keys: $keys) { deletedCount } }
`)

const starts: readonly (readonly [Start, string])[] = [
  ['api', 'API call'],
  ['at', 'One-time schedule'],
  ['cron', 'Recurring schedule'],
  ['event', 'Event'],
]

/** The route `new-campaign` is for creating one. */
export function openCampaign(deps: Deps, { path }: Route): Page {
  const { api, update, go, say, ask, drafts } = deps
  const isNew = path[0] === 'new-campaign'
  const key = path[1] ?? ''
  let draft: CampaignDraft = newCampaign()
  let wrong: string | null = null
  let isBusy = false
  const unsaved = createUnsaved<CampaignDraft>(
    { read: () => draft, write: (state) => void Object.assign(draft, state) },
    update,
    { drafts, name: isNew ? 'new-campaign' : `campaigns/${key}`, basis: () => 0 },
  )
  const found = createLoad(async () => {
    const [answer, templates, segments] = await Promise.all([
      api.ask(OneCampaign, { key: isNew ? '-' : key }),
      templateChoices(api),
      segmentChoices(api),
    ])
    if (!isNew && answer.campaign !== null) draft = draftOfCampaign(answer.campaign)
    if (isNew || answer.campaign !== null) unsaved.begin()
    return { ...answer, templates, segments }
  }, update)
  const source = createSource(deps, () =>
    isNew || (found.value?.campaign ?? null) === null
      ? null
      : { name: 'campaign', document: OneCampaign, variables: { key }, value: found.value?.campaign },
  )
  const trigger = createTrigger(deps, key, () => {
    const stored = found.value?.campaign ?? null
    return stored === null
      ? null
      : { template: stored.template.key, ...(stored.onlyChannel === null ? {} : { channel: stored.onlyChannel }) }
  })
  const audience = createEstimate(deps, () => (found.value?.campaign?.dispatch === 'SEGMENT' ? { campaign: key } : null))
  const set = (change: Partial<CampaignDraft>): void => {
    Object.assign(draft, change)
    unsaved.touched()
    update()
  }

  async function save(): Promise<void> {
    isBusy = true
    wrong = null
    update()
    try {
      await api.ask(SaveCampaign, { campaigns: [inputOfCampaign(draft)] })
      unsaved.saved()
      say('Campaign saved.')
      if (isNew) go(['campaigns', draft.key.trim()])
      else {
        await found.run()
        audience.again()
      }
    } catch (error) {
      wrong = failureOf(error).message
    }
    isBusy = false
    update()
  }
  async function remove(): Promise<void> {
    const text = 'Messages already sent are kept. API calls that trigger this campaign will fail.'
    if (!(await ask({ title: `Delete the campaign ${key}?`, text, action: 'Delete', isDangerous: true }))) return
    try {
      await api.ask(DeleteCampaign, { keys: [key] })
      unsaved.discard()
      go(['campaigns'])
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  const triggerFields = (): TemplateResult | string => {
    const zone = line({
      id: 'campaign-timezone',
      label: 'Time zone',
      value: draft.timezone,
      change: (timezone) => set({ timezone }),
    })
    if (draft.start === 'at') {
      return line({
        id: 'campaign-at',
        label: 'Send at',
        hint: `In ${zoneName()}`,
        type: 'datetime-local',
        value: draft.at,
        isRequired: true,
        change: (at) => set({ at }),
      })
    }
    if (draft.start === 'cron') {
      return html`${line({ id: 'campaign-cron', label: 'Cron expression', placeholder: '0 9 * * MON', value: draft.cron, isRequired: true, change: (cron) => set({ cron }) })}
      ${zone}`
    }
    return draft.start === 'event'
      ? line({
          id: 'campaign-event',
          label: 'Event name',
          value: draft.onEvent,
          isRequired: true,
          change: (onEvent) => set({ onEvent }),
        })
      : ''
  }

  const form = (
    templates: readonly { key: string; name: string }[],
    segments: readonly { key: string; name: string }[],
  ): TemplateResult => html`
    <form class="panel" @submit=${submit(save)}>
      <div class="body">
        ${unsaved.notice()}
        ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
        <div class="pair">
          ${isNew ? line({ id: 'campaign-key', label: 'Key', hint: 'Identifies it in API calls', value: draft.key, isRequired: true, change: (value) => set({ key: value }) }) : ''}
          ${line({ id: 'campaign-name', label: 'Name', value: draft.name, change: (name) => set({ name }) })}
          ${choice({
            ...{ id: 'campaign-template', label: 'Template', value: draft.template, change: (template) => set({ template }) },
            options: [['', 'Choose…'], ...templates.map((one) => [one.key, one.name] as const)],
          })}
          ${choice({
            ...{ id: 'campaign-channel', label: 'Channel', value: draft.channel },
            options: [['', 'All channels of the template'], ...channelNames.map((one) => [one, channelLabel(one)] as const)],
            change: (value) => set({ channel: channelNames.find((one) => one === value) ?? '' }),
          })}
        </div>
        <div class="pair">
          ${choice({
            ...{
              id: 'campaign-start',
              label: 'Trigger',
              value: draft.start,
              options: draft.start === 'hand' ? [...starts, ['hand', 'None'] as const] : starts,
            },
            change: (value) => set({ start: starts.find(([start]) => start === value)?.[0] ?? draft.start }),
          })}
          ${triggerFields()}
          ${
            draft.start === 'api'
              ? ''
              : choice({
                  ...{
                    id: 'campaign-segment',
                    label: draft.start === 'event' ? 'Segment (optional)' : 'Segment',
                    value: draft.segment,
                  },
                  change: (segment) => set({ segment }),
                  options: [
                    ['', draft.start === 'event' ? 'All contacts' : 'Choose…'],
                    ...segments.map((one) => [one.key, one.name] as const),
                  ],
                })
          }
        </div>
        ${check('campaign-active', 'Active', draft.active, (active) => set({ active }))}
        <div data-needs="MANAGE" class="buttons">
          <button class="primary" ?disabled=${isBusy || draft.template === ''}>${isBusy ? 'Saving…' : 'Save'}</button>
          ${isNew ? '' : html`<button type="button" class="danger" @click=${() => void remove()}>Delete</button>`}
          ${unsaved.isChanged() ? html`<span class="quiet small">Unsaved changes</span>` : ''}
        </div>
      </div>
    </form>
  `

  /** Whom a run would reach now, and its latest runs. */
  const runs = (stored: NonNullable<OneCampaignQuery['campaign']>): TemplateResult => html`
    <section class="panel" aria-labelledby="reach-title">
      <header><h2 id="reach-title">If it ran now</h2></header>
      <div class="body">${audience.view()}</div>
    </section>
    <section class="panel" aria-labelledby="runs-title">
      <header><h2 id="runs-title">Runs</h2></header>
      ${
        stored.runs.nodes.length === 0
          ? empty('No runs yet', 'Each run for its segment appears here.')
          : table({ caption: 'Runs, newest first', columns: sentColumns, rows: stored.runs.nodes, key: ({ id }) => id })
      }
      ${stored.runs.pageInfo.hasNextPage ? html`<div class="body"><a href=${href(['broadcasts'], { campaign: stored.key })}>All runs</a></div>` : ''}
    </section>
  `

  void found.run().then(audience.changed)
  return {
    title: () => (isNew ? 'New campaign' : (found.value?.campaign?.name ?? key)),
    view: () => {
      const stored = found.value?.campaign ?? null
      return html`
        <div class="head">
          <p class="crumb"><a href=${href(['campaigns'])}>Campaigns</a></p>
          <h1 tabindex="-1">${isNew ? 'New campaign' : (stored?.name ?? key)}</h1>
          ${source.buttons() === '' ? '' : html`<div class="actions">${source.buttons()}</div>`}
          ${stored?.nextRunAt ? html`<span class="quiet">Next run ${when(stored.nextRunAt, 'full')}</span>` : ''}
        </div>
        ${loaded(found, ({ campaign, templates, segments }) =>
          campaign === null && !isNew
            ? html`<div class="panel">${empty('Campaign not found', html`It may have been deleted. Go to <a href=${href(['campaigns'])}>Campaigns</a>.`)}</div>`
            : html`${campaign === null || campaign.stats.count === 0 ? '' : resultsView(campaign.stats)}${form(templates, segments)}${campaign?.dispatch === 'API' ? trigger.view() : ''}${campaign?.dispatch === 'SEGMENT' ? runs(campaign) : ''}`,
        )}
        ${source.view()}
      `
    },
    close() {
      trigger.stop()
      audience.stop()
    },
    isUnsaved: unsaved.isChanged,
    discard: unsaved.discard,
  }
}
