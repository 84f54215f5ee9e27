/** What a text message measures, at the limits of each encoding. */
import { expect, it } from 'vitest'
import { smsSize } from '../../src/values/sms.ts'

const times = (text: string, count: number) => text.repeat(count)

it.each<[string, string, string, number, number, number]>([
  ['nothing', '', 'GSM-7', 0, 1, 0],
  ['one message', times('a', 160), 'GSM-7', 160, 1, 140],
  ['one more than a message', times('a', 161), 'GSM-7', 161, 2, 141],
  ['two segments', times('a', 306), 'GSM-7', 306, 2, 268],
  ['one more than two segments', times('a', 307), 'GSM-7', 307, 3, 269],
  ['the extension of GSM-7', times('€', 80), 'GSM-7', 160, 1, 140],
  ['one more of the extension', times('€', 81), 'GSM-7', 162, 2, 142],
  ['an escaped character at the end of a segment', `${times('a', 152)}€${times('a', 152)}`, 'GSM-7', 306, 3, 268],
  ['an escaped character that fits', `${times('a', 151)}€${times('a', 153)}`, 'GSM-7', 306, 2, 268],
  ['all of the extension', '|^€{}[]~\\', 'GSM-7', 18, 1, 16],
  ['accents that GSM-7 has', times('é', 160), 'GSM-7', 160, 1, 140],
  ['line breaks', 'a\r\nb\nc', 'GSM-7', 6, 1, 6],
  ['an accent that it has not', times('ê', 70), 'UCS-2', 70, 1, 140],
  ['typographic quotes', 'it’s', 'UCS-2', 4, 1, 8],
  ['one message of Hangul', times('한', 70), 'UCS-2', 70, 1, 140],
  ['one more of Hangul', times('한', 71), 'UCS-2', 71, 2, 142],
  ['two segments of Hangul', times('한', 134), 'UCS-2', 134, 2, 268],
  ['one more than two of Hangul', times('한', 135), 'UCS-2', 135, 3, 270],
  ['35 emoji', times('😀', 35), 'UCS-2', 70, 1, 140],
  ['36 emoji', times('😀', 36), 'UCS-2', 72, 2, 144],
  // 33 of them in a segment: its 67th unit would cut one in two.
  ['66 emoji', times('😀', 66), 'UCS-2', 132, 2, 264],
  ['67 emoji', times('😀', 67), 'UCS-2', 134, 3, 268],
  ['70 emoji', times('😀', 70), 'UCS-2', 140, 3, 280],
  ['an emoji at the end of a segment', `${times('한', 66)}😀${times('한', 66)}`, 'UCS-2', 134, 3, 268],
  ['an emoji that fits', `${times('한', 65)}😀${times('한', 67)}`, 'UCS-2', 134, 2, 268],
  ['a family, which is seven', times('👨‍👩‍👧‍👦', 6), 'UCS-2', 66, 1, 132],
  ['decomposed Hangul', times('한'.normalize('NFD'), 30), 'UCS-2', 90, 2, 180],
  ['a letter with 200 accents', `e${times('\u0301', 200)}`, 'UCS-2', 201, 3, 402],
  ['a lone surrogate', '\ud83d', 'UCS-2', 1, 1, 2],
])('%s', (_title, text, encoding, characters, segments, bytes) => {
  expect(smsSize(text)).toEqual({ encoding, characters, segments, bytes })
})

it.each<[string, string, number, number]>([
  ['nothing', '', 0, 0],
  ['ASCII', 'Order 7', 7, 7],
  ['what an SMS holds', times('한', 45), 45, 90],
  ['both', '주문 7번', 5, 8],
  ['what GSM-7 has and ASCII has not', 'é€', 2, 4],
  ['an emoji', '😀', 1, 2],
])('in Korea, %s', (_title, text, characters, bytes) => {
  expect(smsSize(text, true)).toEqual({ encoding: 'EUC-KR', characters, segments: 1, bytes })
})
