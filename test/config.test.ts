import { expect, it } from 'vitest'
import { ConfigError, help, readConfig, settings } from '../src/config.ts'

const problemsOf = (env: Record<string, string>, args: string[] = []): readonly string[] => {
  try {
    readConfig(env, args)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

it('A9: needs nothing', () => {
  expect(readConfig({}, [])).toMatchObject({
    port: 4000,
    host: '127.0.0.1',
    role: 'all',
    demo: true,
    allowPrivateHosts: true,
    explore: true,
  })
})
it('A9: names everything that is wrong at once', () => {
  const problems = problemsOf(
    { PORT: 'x', CARILLON_LOG: 'loud', CARILLON_SECRET: 'short', CARILLON_NOTHING: '1', DATABASE_URL: 'mysql://x' },
    ['--role', 'boss'],
  )
  for (const name of ['PORT', 'CARILLON_LOG', 'CARILLON_SECRET', 'CARILLON_NOTHING', 'DATABASE_URL', 'CARILLON_ROLE']) {
    expect(problems.some((line) => line.startsWith(`${name}:`))).toBe(true)
  }
})
it('A9: wants a secret with a database of its own, and a database for a part of the server', () => {
  expect(problemsOf({ DATABASE_URL: 'postgresql://h/d' })[0]).toMatch(/^CARILLON_SECRET: is required/)
  expect(problemsOf({ CARILLON_ROLE: 'api' })[0]).toMatch(/^DATABASE_URL: is required/)
})
it('A9: makes no demo project, and keeps private hosts out, where there is an operator', () => {
  expect(readConfig({ CARILLON_OPERATOR_KEY: 'k'.repeat(32) }, [])).toMatchObject({ demo: false, allowPrivateHosts: false })
  expect(readConfig({}, ['--no-demo']).demo).toBe(false)
})
it('takes a MongoDB URL with several hosts, and an empty variable as one that is not set', () => {
  expect(readConfig({ MONGODB_URL: 'mongodb://a:27017,b:27017/x?replicaSet=r', REDIS_URL: '' }, [])).toMatchObject({
    mongodbUrl: 'mongodb://a:27017,b:27017/x?replicaSet=r',
    redisUrl: null,
  })
})
it('lists every setting with its default in the help', () => {
  for (const { name, fallback } of settings)
    expect(help()).toMatch(new RegExp(`${name}.*\\[${fallback.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\]`))
})
