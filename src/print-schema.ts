/** Prints the schema into schema.graphql (`npm run schema`), or with the argument `-` to standard output. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './db/generated/client.ts'
import { createActivityFeed } from './graphql/activity.ts'
import { createLive } from './graphql/live.ts'
import { createSchema, printed } from './graphql/schema.ts'
import { createRates } from './http/rates.ts'
import { silentLog } from './log.ts'
import { createInProcessBus } from './signals/in-process.ts'

// No query is sent: the client is only needed for the types of its models.
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: 'postgresql://localhost/none' }) })
const bus = createInProcessBus()
const feed = { replay: () => Promise.resolve(null), latest: () => Promise.resolve([]) }
const live = createLive({ bus, feed, log: silentLog })
const schema = createSchema({ prisma, live, activity: createActivityFeed(bus), rates: createRates(null) })
if (process.argv[2] === '-') process.stdout.write(printed(schema))
else await writeFile(join(import.meta.dirname, '../schema.graphql'), printed(schema))
live.close()
await bus.close()
