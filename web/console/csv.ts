/** Reads files of CSV piece by piece, however long they are. Loaded by the console when somebody imports one. */
import Papa from 'papaparse'

/** A row of a file. `number`: as a spreadsheet counts it; the head is row 1. */
export interface CsvRow {
  readonly number: number
  readonly cells: readonly string[]
}

/** Bytes that are read at a time. */
const CHUNK = 256 * 1024

/** A file that is not one of CSV. */
export class CsvError extends Error {
  override readonly name = 'CsvError'
}

/**
 * Calls `take` with the rows of a file, chunk after chunk, and waits for it each time; empty rows are left out. `take` returns false to end.
 * @throws CsvError with the row where a quote is not closed; what `take` throws
 */
export function readCsv(
  file: Blob,
  encoding: string,
  take: (rows: readonly CsvRow[], bytesRead: number) => Promise<boolean>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let number = 0
    Papa.parse<string[]>(file as File, {
      encoding,
      chunkSize: CHUNK,
      chunk({ data, errors, meta }, parser) {
        const [quote] = errors.filter(({ type }) => type === 'Quotes')
        if (quote !== undefined) {
          parser.abort()
          reject(new CsvError(`Row ${number + (quote.row ?? 0) + 1}: a quotation mark is not closed, or not doubled.`))
          return
        }
        const rows: CsvRow[] = []
        for (const cells of data) {
          number += 1
          if (cells.some((cell) => cell.trim() !== '')) rows.push({ number, cells })
        }
        parser.pause()
        take(rows, meta.cursor).then(
          (goesOn) => {
            if (goesOn) parser.resume()
            else {
              parser.abort()
              resolve()
            }
          },
          (error: unknown) => {
            parser.abort()
            reject(error)
          },
        )
      },
      complete: () => resolve(),
      error: (error) => reject(new CsvError(error.message)),
    })
  })
}

/** Rows as a file of CSV. */
export const writeCsv = (rows: readonly (readonly string[])[]): string =>
  Papa.unparse(rows as string[][], { escapeFormulae: true })
