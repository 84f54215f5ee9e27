/** The texts of the inbox, in English and Korean. A page can replace any of them. */
import type { InboxChannel, InboxSeverity } from './message.ts'

/** The texts. `{n}` stands for a number, `{text}` for the text of a message. */
export interface InboxTexts {
  /** label of the bell and heading of the panel */
  title: string
  /** label of the bell for screen readers when there are unseen messages */
  bellUnseen: string
  all: string
  /** display names of feeds; default: the feed's identifier */
  feeds: Readonly<Record<string, string>>
  showAll: string
  showUnread: string
  /** what a screen reader says before messages of a severity */
  severities: Readonly<Record<string, string>>
  showArchived: string
  showSnoozed: string
  markAllRead: string
  archiveAll: string
  /** label of the buttons that open a menu */
  menu: string
  archiveRead: string
  deleteRead: string
  deleteArchived: string
  markRead: string
  markUnread: string
  archive: string
  unarchive: string
  delete: string
  snooze: string
  unsnooze: string
  /** label of a time */
  snoozeUntil: string
  snoozeHour: string
  snoozeTomorrow: string
  snoozeWeek: string
  snoozeChoose: string
  /** `{text}` stands for a time */
  snoozedUntil: string
  undo: string
  noticeArchived: string
  noticeUnarchived: string
  noticeDeleted: string
  unread: string
  done: string
  preferences: string
  back: string
  close: string
  emptyTitle: string
  emptyText: string
  emptyUnread: string
  emptyArchived: string
  emptySnoozed: string
  loading: string
  errorTitle: string
  errorText: string
  retry: string
  expiredTitle: string
  expiredText: string
  offline: string
  connecting: string
  newMessages: string
  arrived: string
  more: string
  preferencesChannels: string
  preferencesTemplates: string
  preferencesFailed: string
  preferencesNone: string
  critical: string
  channels: Readonly<Record<string, string>>
  justNow: string
}

const en: InboxTexts = {
  title: 'Notifications',
  bellUnseen: 'Notifications, {n} new',
  all: 'All',
  feeds: {},
  showAll: 'All',
  showUnread: 'Unread',
  severities: { LOW: 'Low priority', NORMAL: '', HIGH: 'High priority', CRITICAL: 'Critical' } satisfies Record<
    InboxSeverity,
    string
  >,
  showArchived: 'Archived',
  showSnoozed: 'Snoozed',
  markAllRead: 'Mark all as read',
  archiveAll: 'Archive all',
  menu: 'More actions',
  archiveRead: 'Archive what is read',
  deleteRead: 'Delete what is read',
  deleteArchived: 'Delete all that are archived',
  markRead: 'Mark as read',
  markUnread: 'Mark as unread',
  archive: 'Archive',
  unarchive: 'Move to inbox',
  delete: 'Delete',
  snooze: 'Snooze',
  unsnooze: 'Move to inbox now',
  snoozeUntil: 'Until',
  snoozeHour: 'In an hour',
  snoozeTomorrow: 'Tomorrow, 9:00',
  snoozeWeek: 'Next Monday, 9:00',
  snoozeChoose: 'Choose a time…',
  snoozedUntil: 'Snoozed until {text}',
  undo: 'Undo',
  noticeArchived: 'Moved to the archive.',
  noticeUnarchived: 'Moved to the inbox.',
  noticeDeleted: 'Deleted.',
  unread: 'Unread',
  done: 'Done',
  preferences: 'Preferences',
  back: 'Back',
  close: 'Close',
  emptyTitle: 'All caught up',
  emptyText: 'New notifications will appear here.',
  emptyUnread: 'No unread notifications',
  emptyArchived: 'No archived notifications',
  emptySnoozed: 'No snoozed notifications',
  loading: 'Loading',
  errorTitle: 'Something went wrong',
  errorText: 'The notifications could not be loaded.',
  retry: 'Try again',
  expiredTitle: 'Your session has ended',
  expiredText: 'Sign in again to see what is new.',
  offline: 'You are offline. Showing saved notifications.',
  connecting: 'Connecting',
  newMessages: '{n} new',
  arrived: 'New: {text}',
  more: 'Loading more',
  preferencesChannels: 'Channels',
  preferencesTemplates: 'Notification types',
  preferencesFailed: 'Your change could not be saved.',
  preferencesNone: 'There are no preferences to set yet.',
  critical: 'Always sent',
  channels: {
    IN_APP: 'In-app',
    EMAIL: 'E-mail',
    SMS: 'SMS',
    PUSH: 'Push',
    WEB_PUSH: 'Web push',
    CHAT: 'Chat',
    ALIMTALK: 'KakaoTalk Alimtalk',
    FRIENDTALK: 'KakaoTalk Friendtalk',
    WEBHOOK: 'Webhook',
  } satisfies Record<InboxChannel, string>,
  justNow: 'just now',
}

const ko: InboxTexts = {
  title: '알림',
  bellUnseen: '알림, 새 알림 {n}개',
  all: '전체',
  feeds: {},
  showAll: '전체',
  showUnread: '읽지 않음',
  severities: { LOW: '낮은 중요도', NORMAL: '', HIGH: '높은 중요도', CRITICAL: '긴급' } satisfies Record<InboxSeverity, string>,
  showArchived: '보관함',
  showSnoozed: '다시 알림',
  markAllRead: '모두 읽음으로 표시',
  archiveAll: '모두 보관',
  menu: '더 보기',
  archiveRead: '읽은 알림 보관',
  deleteRead: '읽은 알림 삭제',
  deleteArchived: '보관한 알림 모두 삭제',
  markRead: '읽음으로 표시',
  markUnread: '읽지 않음으로 표시',
  archive: '보관',
  unarchive: '받은 알림으로 되돌리기',
  delete: '삭제',
  snooze: '다시 알림',
  unsnooze: '지금 받은 알림으로 되돌리기',
  snoozeUntil: '시간',
  snoozeHour: '한 시간 뒤',
  snoozeTomorrow: '내일 오전 9:00',
  snoozeWeek: '다음 월요일 오전 9:00',
  snoozeChoose: '시간 선택…',
  snoozedUntil: '{text}에 다시 알림',
  undo: '실행 취소',
  noticeArchived: '보관했습니다.',
  noticeUnarchived: '받은 알림으로 되돌렸습니다.',
  noticeDeleted: '삭제했습니다.',
  unread: '읽지 않음',
  done: '완료',
  preferences: '알림 설정',
  back: '뒤로',
  close: '닫기',
  emptyTitle: '모두 확인했습니다',
  emptyText: '새 알림이 오면 바로 여기에 나타납니다.',
  emptyUnread: '읽지 않은 알림이 없습니다.',
  emptyArchived: '보관한 알림이 없습니다.',
  emptySnoozed: '다시 알릴 알림이 없습니다.',
  loading: '불러오는 중',
  errorTitle: '문제가 생겼습니다',
  errorText: '알림을 불러오지 못했습니다.',
  retry: '다시 시도',
  expiredTitle: '세션이 만료되었습니다',
  expiredText: '새 알림을 보려면 다시 로그인하세요.',
  offline: '오프라인입니다. 마지막으로 받은 알림을 보고 있습니다.',
  connecting: '연결 중',
  newMessages: '새 알림 {n}개',
  arrived: '새 알림: {text}',
  more: '더 불러오는 중',
  preferencesChannels: '채널',
  preferencesTemplates: '종류별',
  preferencesFailed: '저장하지 못했습니다.',
  preferencesNone: '아직 선택할 항목이 없습니다.',
  critical: '항상 발송',
  channels: {
    IN_APP: '앱 내 알림',
    EMAIL: '이메일',
    SMS: '문자',
    PUSH: '푸시',
    WEB_PUSH: '웹 푸시',
    CHAT: '채팅',
    ALIMTALK: '알림톡',
    FRIENDTALK: '친구톡',
    WEBHOOK: '웹훅',
  } satisfies Record<InboxChannel, string>,
  justNow: '방금 전',
}

/** The texts in a language, with the page's replacements. */
export function textsFor(language: string, own: Partial<InboxTexts>): InboxTexts {
  // A tag's subtags are joined by a hyphen or a low line, which is a letter to `\b`.
  const base = /^ko(?:[-_]|$)/i.test(language) ? ko : en
  return {
    ...base,
    ...own,
    channels: { ...base.channels, ...own.channels },
    severities: { ...base.severities, ...own.severities },
    feeds: { ...base.feeds, ...own.feeds },
  }
}

/** Fills the placeholders of a text. */
export const fill = (text: string, values: Readonly<Record<string, string | number>>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole))

const STEPS = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const

/** Formats times, relative and absolute. */
export interface Clock {
  ago(iso: string, nowMs: number): string
  exact(iso: string): string
}

/** Falls back to the browser's own language for one that it does not support. */
export function createClock(language: string, justNow: string): Clock {
  const tag = language.replaceAll('_', '-')
  const languages = Intl.DateTimeFormat.supportedLocalesOf(isTag(tag) ? tag : []).concat(navigator.language)
  const relative = new Intl.RelativeTimeFormat(languages, { numeric: 'auto', style: 'short' })
  const date = new Intl.DateTimeFormat(languages, { dateStyle: 'medium', timeStyle: 'short' })
  return {
    ago(iso, nowMs) {
      const seconds = (Date.parse(iso) - nowMs) / 1_000
      for (const [unit, size] of STEPS) if (-seconds >= size) return relative.format(Math.ceil(seconds / size), unit)
      return justNow
    },
    exact: (iso) => date.format(new Date(iso)),
  }
}

const isTag = (language: string): boolean => {
  try {
    return new Intl.Locale(language) !== null
  } catch {
    return false
  }
}
