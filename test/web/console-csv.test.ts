/** Files of CSV, as the import of contacts reads them: in pieces of any size, in several encodings. */
import { expect, it } from 'vitest'
import { type CsvRow, readCsv, writeCsv } from '../../web/console/csv.ts'

/** A file that is read in pieces of so many bytes. */
function fileOf(bytes: Uint8Array<ArrayBuffer>, size: number): Blob {
  const file = new Blob([bytes])
  file.stream = () =>
    new ReadableStream({
      start(stream) {
        for (let at = 0; at < bytes.length; at += size) stream.enqueue(bytes.slice(at, at + size))
        stream.close()
      },
    })
  return file
}
async function read(bytes: Uint8Array<ArrayBuffer>, { size = 7, encoding = 'utf-8' } = {}): Promise<CsvRow[]> {
  const all: CsvRow[] = []
  await readCsv(fileOf(bytes, size), encoding, async (rows) => {
    all.push(...rows)
    return true
  })
  return all
}
const utf8 = (text: string) => new TextEncoder().encode(text)

it('reads no character twice or broken where two pieces meet', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => `${n},가나다 "𝄞" ü,"x, ${n}\r\nß"`)
  for (const size of [4_093, 65_536]) {
    const found = await read(utf8(['id,name,more', ...rows].join('\r\n').replaceAll('"𝄞"', '𝄞')), { size })
    expect(found).toHaveLength(20_001)
    expect(found.every(({ cells }, n) => n === 0 || (cells[1] === '가나다 𝄞 ü' && cells[2] === `x, ${n - 1}\r\nß`))).toBe(true)
  }
})

it.each([
  ['lines that end in LF', 'a,b\n1,2\n\n3,4', [1, 2, 4]],
  ['lines that end in CR LF, and a mark of the byte order', '\uFEFFa,b\r\n1,2\r\n,\r\n3,4\r\n', [1, 2, 4]],
  ['semicolons', 'a;b\n1;2\n;\n3;4\n', [1, 2, 4]],
  ['tabs', 'a\tb\n1\t2\n\t\n3\t4\n', [1, 2, 4]],
])('reads %s, leaves empty rows out, and counts them', async (_title, text, numbers) => {
  const rows = await read(utf8(text))
  expect(rows.map(({ number }) => number)).toEqual(numbers)
  expect(rows.map(({ cells }) => cells)).toEqual([
    ['a', 'b'],
    ['1', '2'],
    ['3', '4'],
  ])
})

it('reads other encodings', async () => {
  // "이름" in EUC-KR, with the second byte of a character in the next piece.
  const rows = await read(new Uint8Array([0x69, 0x64, 0x2c, 0xc0, 0xcc, 0xb8, 0xa7, 0x0a, 0x31, 0x2c, 0xb0, 0xa1]), {
    ...{ size: 2, encoding: 'euc-kr' },
  })
  expect(rows.map(({ cells }) => cells)).toEqual([
    ['id', '이름'],
    ['1', '가'],
  ])
})

it('names the row of a quote that is not closed, and ends soon', async () => {
  await expect(read(utf8('a,b\n1,2\n3,"4\n5,6\n'))).rejects.toThrow('Row 3: ')
  await expect(read(utf8(`a,b\n1,"${'x\n'.repeat(4_000_000)}`), { size: 65_536 })).rejects.toThrow('Row 2: ')
})

it('ends where it is told to, and writes what a spreadsheet does not run', async () => {
  let count = 0
  await readCsv(new Blob([utf8('a\n'.repeat(500_000))]), 'utf-8', async () => ++count < 1)
  expect(count).toBe(1)
  expect(writeCsv([['=1+1', 'a,b']])).toBe(`"'=1+1","a,b"`)
})
