/** The form state of a campaign. */
import type { CampaignInput, Channel, OneCampaignQuery } from '../generated/graphql.ts'
import { instantOf, localOf } from './time.ts'

type Stored = NonNullable<OneCampaignQuery['campaign']>

/** What triggers it. `hand`: stored without a trigger, by another client. */
export type Start = 'api' | 'at' | 'cron' | 'event' | 'hand'

/** The fields of the form. */
export interface CampaignDraft {
  key: string
  name: string
  active: boolean
  start: Start
  /** empty: all channels of the template */
  channel: Channel | ''
  template: string
  segment: string
  at: string
  cron: string
  timezone: string
  onEvent: string
}

/** The form of a new campaign. */
export const newCampaign = (): CampaignDraft => ({
  ...{ key: '', name: '', active: true, start: 'api', channel: '', template: '', segment: '' },
  ...{ at: '', cron: '', timezone: Intl.DateTimeFormat().resolvedOptions().timeZone, onEvent: '' },
})

/** The form of a stored campaign. */
export function draftOfCampaign(stored: Stored): CampaignDraft {
  const { dispatch, schedule } = stored
  const start =
    dispatch === 'API'
      ? 'api'
      : schedule === null
        ? 'hand'
        : schedule.onEvent !== null
          ? 'event'
          : schedule.cron !== null
            ? 'cron'
            : 'at'
  return {
    ...{ key: stored.key, name: stored.name, active: stored.active, start, channel: stored.onlyChannel ?? '' },
    ...{ template: stored.template.key, segment: stored.segment?.key ?? '' },
    at: localOf(schedule?.at ?? null),
    cron: schedule?.cron ?? '',
    timezone: schedule?.timezone ?? 'UTC',
    onEvent: schedule?.onEvent ?? '',
  }
}

/** The campaign as the API takes it. */
export function inputOfCampaign(draft: CampaignDraft): CampaignInput {
  const { start, timezone } = draft
  const schedule =
    start === 'at'
      ? { at: instantOf(draft.at), timezone }
      : start === 'cron'
        ? { cron: draft.cron.trim(), timezone }
        : start === 'event'
          ? { onEvent: draft.onEvent.trim() }
          : null
  return {
    ...{
      key: draft.key.trim(),
      active: draft.active,
      channel: draft.channel === '' ? null : draft.channel,
      template: draft.template,
    },
    name: draft.name.trim() === '' ? null : draft.name.trim(),
    dispatch: start === 'api' ? 'API' : 'SEGMENT',
    segment: start === 'api' || draft.segment === '' ? null : draft.segment,
    schedule,
  }
}
