import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const every = 'test/**/*.test.ts'
/** Tests that measure how long something takes, or what it holds: they run one at a time, after the others, with the machine to themselves. */
const measured = [
  'test/flow/fanout-isolation.test.ts',
  'test/flow/outage.test.ts',
  'test/flow/processes.test.ts',
  'test/flow/resume.test.ts',
  'test/flow/routing.test.ts',
  'test/flow/slow-reader.test.ts',
  'test/graphql/sockets.test.ts',
  'test/jobs/agenda.test.ts',
  'test/render/aside.test.ts',
  'test/signals/bus.test.ts',
  'test/web/inbox-long.test.ts',
]

const project = (name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  // Node takes graphql's CommonJS build and Vite would take its ES module: two copies, whose classes don't know each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    name,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // How long `expect.poll` waits for a fact, as `until` does.
    expect: { poll: { timeout: 10_000 } },
    pool: 'forks',
    ...test,
  },
})

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/global-setup.ts'],
    projects: [
      project('facts', { include: [every], exclude: measured, maxWorkers: 2, sequence: { groupOrder: 0 } }),
      project('measured', { include: measured, maxWorkers: 1, sequence: { groupOrder: 1 } }),
    ],
  },
})
