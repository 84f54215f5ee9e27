/** Times that are typed into the console are of the zone that it shows, whatever the browser's is. */
import { afterEach, expect, it } from 'vitest'
import { instantOf, localOf, showZone } from '../../web/console/time.ts'

afterEach(() => showZone(undefined))

it.each([
  ['UTC', '2030-01-02T09:00', '2030-01-02T09:00:00.000Z'],
  ['Asia/Seoul', '2030-01-02T09:00', '2030-01-02T00:00:00.000Z'],
  ['America/New_York', '2030-01-02T09:00:30', '2030-01-02T14:00:30.000Z'],
  ['America/New_York', '2030-07-02T09:00', '2030-07-02T13:00:00.000Z'],
  ['Asia/Kathmandu', '2030-01-02T00:10', '2030-01-01T18:25:00.000Z'],
  // Clocks go back at 3:00 on 27 October 2030, and forward at 2:00 on 31 March.
  ['Europe/Berlin', '2030-10-27T02:30', '2030-10-27T00:30:00.000Z'],
  ['Europe/Berlin', '2030-10-27T03:00', '2030-10-27T02:00:00.000Z'],
  ['Europe/Berlin', '2030-03-31T02:30', '2030-03-31T01:30:00.000Z'],
  ['Europe/Berlin', '2030-03-31T03:00', '2030-03-31T01:00:00.000Z'],
])('%s %s is %s', (zone, local, instant) => {
  showZone(zone)
  expect(instantOf(local)).toBe(instant)
  // A time that clocks leave out is one of another text.
  if (local !== '2030-03-31T02:30') expect(localOf(instant)).toBe(local.slice(0, 16))
})

it('takes a time with its zone and a date as they are, and nothing else', () => {
  showZone('Asia/Seoul')
  expect(instantOf('2030-01-02T09:00:00Z')).toBe('2030-01-02T09:00:00.000Z')
  expect(instantOf('2030-01-02T09:00+02:00')).toBe('2030-01-02T07:00:00.000Z')
  expect(instantOf('2030-01-02')).toBe('2030-01-02T00:00:00.000Z')
  expect([instantOf(''), instantOf('soon'), localOf(null)]).toEqual([null, null, ''])
})
