/** An address as suppressions compare it. */
import { expect, it } from 'vitest'
import { suppressionKey } from '../../src/domain/suppression.ts'
import type { Channel } from '../../src/words.ts'

it.each<[Channel, string, string, string]>([
  ['EMAIL', 'without case', 'Anna@Example.COM', 'anna@example.com'],
  ['EMAIL', 'with its domain in ASCII', 'Anna@BÜCHER.example', 'anna@xn--bcher-kva.example'],
  ['EMAIL', 'with its tag', 'anna+shop@example.com', 'anna+shop@example.com'],
  ['EMAIL', 'without case where it is no address', 'ANNA', 'anna'],
  ['EMAIL', 'as nothing where it is nothing', '', ''],
  ['SMS', 'without separators', '+1 (415) 555-01.00', '+14155550100'],
  ['SMS', 'with its plus', '+82 10-1234-5678', '+821012345678'],
  ['SMS', 'with the calling code of home where it has none', '010-1234-5678', '+821012345678'],
  ['ALIMTALK', 'without separators', '010-1234-5678', '+821012345678'],
  ['FRIENDTALK', 'without separators', '010 1234 5678', '+821012345678'],
  ['SMS', 'without separators where it can not be read', '0151-123', '0151123'],
  ['PUSH', 'as it is', ' Token-A.b (1) ', ' Token-A.b (1) '],
  ['WEB_PUSH', 'as it is', '{"endpoint":"https://E"}', '{"endpoint":"https://E"}'],
  ['CHAT', 'as it is', 'https://Chat.example.com/H', 'https://Chat.example.com/H'],
  ['WEBHOOK', 'as it is', 'https://Example.com/H', 'https://Example.com/H'],
])('%s %s: %s', (channel, _title, address, expected) => {
  expect(suppressionKey(channel, address)).toBe(expected)
  expect(suppressionKey(channel, expected)).toBe(expected)
})
