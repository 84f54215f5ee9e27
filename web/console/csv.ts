/** Reads files of CSV piece by piece, however long they are. Loaded by the console when somebody imports one. */
import Papa from 'papaparse'

/** A row of a file. `number`: as a spreadsheet counts it; the head is row 1. */
export interface CsvRow {
  readonly number: number
  readonly cells: readonly string[]
}

/** Characters that a row may have, and that are looked at for how the file is written. */
const ROW_MAX = 4_000_000
const LOOKED_AT = 100_000

/** A file that is not one of CSV. */
export class CsvError extends Error {
  override readonly name = 'CsvError'
}

/**
 * Calls `take` with the rows of a file, piece after piece, and waits for it each time; empty rows are left out. `take` returns false to end.
 * @throws CsvError with the row where a quote is not closed; what `take` throws
 */
export async function readCsv(
  file: Blob,
  encoding: string,
  take: (rows: readonly CsvRow[], bytesRead: number) => Promise<boolean>,
): Promise<void> {
  // The library would decode each piece by itself, and a character may be in two.
  const decoder = new TextDecoder(encoding)
  const pieces = file.stream().getReader()
  let parser: Papa.Parser | null = null
  let text = ''
  let number = 0
  let bytesRead = 0
  for (let isLast = false; !isLast; ) {
    const { done, value } = await pieces.read()
    isLast = done
    bytesRead += value?.byteLength ?? 0
    text += done ? decoder.decode() : decoder.decode(value, { stream: true })
    // Both lines of the first rows have to be there.
    if (parser === null && text.length < LOOKED_AT && !isLast) continue
    if (parser === null) {
      const { delimiter, linebreak } = Papa.parse(text.slice(0, LOOKED_AT), { preview: 10, skipEmptyLines: 'greedy' }).meta
      parser = new Papa.Parser({ delimiter, newline: linebreak as '\n' })
    }
    const { data, errors, meta } = parser.parse(text, 0, !isLast) as Papa.ParseResult<string[]>
    const [quote] = errors.filter(({ type }) => type === 'Quotes')
    if (quote !== undefined && (isLast || (quote.row ?? 0) < data.length))
      throw new CsvError(`Row ${number + (quote.row ?? 0) + 1}: a quotation mark is not closed, or not doubled.`)
    if (!isLast) text = text.slice(meta.cursor)
    if (text.length > ROW_MAX && !isLast) throw new CsvError(`Row ${number + data.length + 1}: a quotation mark is not closed.`)
    const rows: CsvRow[] = []
    for (const cells of data) {
      number += 1
      if (cells.some((cell) => cell.trim() !== '')) rows.push({ number, cells })
    }
    if (!(await take(rows, bytesRead))) return void pieces.cancel()
  }
}

/** Rows as a file of CSV. */
export const writeCsv = (rows: readonly (readonly string[])[]): string =>
  Papa.unparse(rows as string[][], { escapeFormulae: true })
