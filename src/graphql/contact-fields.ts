/** The fields of a contact in the schema: of what is stored, and of every input that sets them. */
import type { ContactField } from '../words.ts'

const descriptions = {
  email: 'E-mail address.',
  phone: 'Phone number, as it was provided.',
  locale: 'Language, BCP 47, in whatever case and with `_` or `-`: `zh-Hant-TW`, `pt_br`.',
  timezone: 'Time zone: an IANA name such as `Europe/London` in whatever case, or an offset such as `+09:00`.',
  firstName: 'First name.',
  lastName: 'Last name.',
  photoUrl: 'URL of a picture.',
  country: 'Country, ISO 3166 alpha-2.',
} satisfies Record<ContactField, string>

/** What an input says in addition. */
const inputDescriptions: Partial<Record<ContactField, string>> = {
  phone:
    'Phone number with + and its calling code; without, it is read by `country`, or as a Korean one. What can be neither is ADDRESS_INVALID. ' +
    'Stored as provided.',
  photoUrl: 'URL of a picture, http or https.',
}

export const contactFieldDescription = (field: ContactField): string => descriptions[field]
export const contactInputDescription = (field: ContactField): string => inputDescriptions[field] ?? descriptions[field]
