import { join, relative } from 'node:path'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Compiled modules are kept: tests start some hundred servers as processes of their own.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, 'node_modules/.cache/compile')

const every = 'test/**/*.test.ts'
/** Tests that start neither a server nor a process and read no clock but their own: `npm run test:unit` runs them in a second or two. */
const pure = [
  'test/send/**/*.test.ts',
  'test/domain/**/*.test.ts',
  'test/values/**/*.test.ts',
  'test/config.test.ts',
  'test/contract.test.ts',
  'test/lru.test.ts',
  'test/docs/architecture.test.ts',
  'test/docs/links.test.ts',
  'test/db/fair-queue.test.ts',
  'test/dialects/route.test.ts',
  'test/channels/address-guard.test.ts',
  'test/channels/phone.test.ts',
  'test/graphql/activity.test.ts',
  'test/graphql/compiled.test.ts',
  'test/graphql/execution.test.ts',
  'test/graphql/live.test.ts',
  'test/http/cookie.test.ts',
  'test/http/fresh.test.ts',
  'test/http/look-ups.test.ts',
  'test/http/places.test.ts',
  'test/graphql/measure.test.ts',
  'test/http/budgets.test.ts',
  'test/http/rates.test.ts',
  'test/http/refusals.test.ts',
  'test/http/remote-address.test.ts',
  'test/http/turns.test.ts',
  'test/jobs/attempt.test.ts',
  'test/jobs/backoff.test.ts',
  'test/jobs/breaker.test.ts',
  'test/jobs/capacity.test.ts',
  'test/jobs/claim-cursor.test.ts',
  'test/jobs/limiter.test.ts',
  'test/jobs/lookout.test.ts',
  'test/jobs/pump.test.ts',
  'test/render/foresee.test.ts',
  'test/render/plain-text.test.ts',
  'test/render/programs.test.ts',
  'test/web/console-csv.test.ts',
  'test/web/console-time.test.ts',
]
/** Tests that wait for most of their time, for what has to happen within some seconds: three of them leave each other enough of the machine. */
const waiting = [
  'test/flow/outage.test.ts',
  'test/flow/processes.test.ts',
  'test/flow/resume.test.ts',
  'test/graphql/sockets.test.ts',
  'test/jobs/agenda.test.ts',
]
/** Tests that measure how long something takes, or what it holds: they run one at a time, after the others, with the machine to themselves. */
const measured = [
  'test/flow/attacks-doors.test.ts',
  'test/flow/attacks-programs.test.ts',
  'test/flow/attacks-cost.test.ts',
  'test/flow/attacks.test.ts',
  'test/flow/fanout-isolation.test.ts',
  'test/flow/little-memory.test.ts',
  'test/flow/routing.test.ts',
  'test/flow/slow-reader.test.ts',
  'test/flow/templates.test.ts',
  'test/render/sandbox-budget.test.ts',
  'test/render/sandbox.test.ts',
  'test/signals/bus.test.ts',
  'test/web/inbox-long.test.ts',
]

/** Those that take longest, the longest first: begun last, one of them would go on alone when all others have ended. */
const longest = [
  'test/reports/process-end.test.ts',
  'test/cli/command.test.ts',
  'test/flow/attempt.test.ts',
  'test/flow/crash-providers.test.ts',
  'test/dialects/novu.test.ts',
  'test/flow/crash.test.ts',
  'test/graphql/access-matrix.test.ts',
  'test/reports/receiving-hosts.test.ts',
  'test/flow/digest-crash.test.ts',
  'test/db/embedded.test.ts',
  'test/web/console.test.ts',
  'test/web/inbox.test.ts',
  'test/graphql/limits-matrix.test.ts',
  'test/reports/nesting.test.ts',
  'test/flow/secret-rotation.test.ts',
  'test/flow/audit.test.ts',
  'test/flow/vendors.test.ts',
  'test/flow/fanout-crash.test.ts',
  'test/web/console-set-up.test.ts',
  'test/cli/own-database.test.ts',
  'test/flow/preview-truth.test.ts',
  'test/reports/email-addresses.test.ts',
  'test/cli/second-start.test.ts',
  'test/cli/runtime.test.ts',
  'test/reports/below-a-path.test.ts',
  'test/reports/time-zones.test.ts',
  'test/web/inbox-page.test.ts',
  'test/web/console-pages.test.ts',
  'test/web/inbox-package.test.ts',
  'test/web/inbox-examples.test.ts',
  'test/web/session-link.test.ts',
  'test/web/people.test.ts',
  'test/flow/vendor-timeouts.test.ts',
  'test/flow/stats-crash.test.ts',
  'test/flow/reports.test.ts',
  'test/flow/digest.test.ts',
  'test/flow/upserts.test.ts',
  'test/flow/retention.test.ts',
  'test/flow/erase-races.test.ts',
]

/** Sorts as vitest does, but for `longest`: what it knows of the last run is not there in a new clone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = longest.indexOf(relative(import.meta.dirname, moduleId))
      return found === -1 ? longest.length : found
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

const project = (name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  // Node takes graphql's CommonJS build and Vite would take its ES module: two copies, whose classes don't know each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    name,
    // Ends a test that hangs. How long a fact may take is said where it is waited for.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // How long `expect.poll` waits for a fact, as `until` does.
    expect: { poll: { timeout: 10_000 } },
    pool: 'forks',
    ...test,
  },
})

// A project's own global setup runs only when one of its files does: the pure tests never wait for a database.
const database = { globalSetup: ['test/helpers/global-setup.ts'] }

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      // They keep no state outside a test, so files share workers. First, because they fail first.
      project('pure', { include: pure, pool: 'threads', isolate: false, maxWorkers: 2, sequence: { groupOrder: 0 } }),
      project('facts', {
        ...database,
        include: [every],
        exclude: [...pure, ...waiting, ...measured],
        isolate: false,
        maxWorkers: 4,
        sequence: { groupOrder: 1 },
      }),
      project('waiting', { ...database, include: waiting, maxWorkers: 3, retry: 2, sequence: { groupOrder: 2 } }),
      // Other processes of the machine can spoil a measurement, but not three in a row: what is really too slow fails each time.
      project('measured', { ...database, include: measured, maxWorkers: 1, retry: 2, sequence: { groupOrder: 3 } }),
    ],
  },
})
