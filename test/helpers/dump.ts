/** The whole content of a database as text: what somebody with a dump of it can read. */
import type { PrismaClient } from '../../src/db/generated/client.ts'

/** Every row of every table, as JSON; bytes also as the text that they may be. */
export async function dumpOf(prisma: PrismaClient): Promise<string[]> {
  const tables: { name: string }[] = await prisma.$queryRaw`SELECT table_name AS name FROM information_schema.tables
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations' ORDER BY 1`
  const lines: string[] = []
  for (const { name } of tables) {
    const bytes: { column: string }[] = await prisma.$queryRaw`SELECT column_name AS column FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name = ${name} AND data_type = 'bytea'`
    const more = bytes.map(({ column }) => ` || ' ' || COALESCE(encode("${column}", 'escape'), '')`).join('')
    const rows: { line: string }[] = await prisma.$queryRawUnsafe(`SELECT row_to_json(x)::text${more} AS line FROM "${name}" x`)
    lines.push(...rows.map(({ line }) => `${name}: ${line}`))
  }
  return lines
}
