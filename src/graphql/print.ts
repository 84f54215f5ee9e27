/** Prints schema.graphql. Run it by `npm run schema` after a change of a type. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../db/generated/client.ts'
import { silentLog } from '../log.ts'
import { createInProcessBus } from '../signals/in-process.ts'
import { createActivityFeed } from './activity.ts'
import { createLive } from './live.ts'
import { createRates } from './rates.ts'
import { createSchema, printed } from './schema.ts'

// Nothing is asked of the database: the client is there for its types alone.
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: 'postgresql://localhost/none' }) })
const bus = createInProcessBus()
const feed = { replay: () => Promise.resolve(null), latest: () => Promise.resolve([]) }
const live = createLive({ bus, feed, log: silentLog })
const schema = createSchema({ prisma, live, activity: createActivityFeed(bus), rates: createRates(null) })
await writeFile(join(import.meta.dirname, '../../schema.graphql'), printed(schema))
live.close()
await bus.close()
