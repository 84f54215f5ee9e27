import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Node takes graphql's CommonJS build and Vite would take its ES module: two copies, whose classes don't know each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/helpers/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // How long `expect.poll` waits for a fact, as `until` does.
    expect: { poll: { timeout: 10_000 } },
    pool: 'forks',
    maxWorkers: 2,
  },
})
