/** The command line, as a user types it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { verbs } from '../../src/cli/command.ts'

const root = join(import.meta.dirname, '../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

const carillon = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/main.ts'), ...args], {
    encoding: 'utf8',
    env: {},
  })
  return { status, stdout, stderr }
}

it.each([[['--help']], [['-h']], [['help']], [['help', '--help']]])('lists the verbs and the settings for %j', (args) => {
  const { status, stdout, stderr } = carillon(...args)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  for (const name of Object.keys(verbs)) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'))
  expect(stdout).toMatch(/^ {2}DATABASE_URL {2}/m)
})

it.each(Object.keys(verbs))('prints the help of %s, asked in either order', (name) => {
  const asked = carillon(name, '--help')
  expect(asked).toEqual({ status: 0, stdout: expect.stringContaining('Usage: carillon'), stderr: '' })
  expect(carillon('help', name).stdout).toBe(asked.stdout)
})

it.each([[['version']], [['--version']]])('prints the version of the package for %j', (args) => {
  expect(carillon(...args)).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' })
})

describe('a wrong call', () => {
  it.each([
    [['strat'], 'There is no verb "strat". Verbs: start, demo, reseal, help, version.'],
    [['toString'], 'There is no verb "toString"'],
    [['help', 'strat'], 'There is no verb "strat"'],
    [['help', 'start', 'demo'], 'help takes the name of one verb'],
    [['reseal', 'all'], 'reseal takes no arguments'],
    [['version', 'all'], 'version takes no arguments'],
    [['--rule', 'api'], "Unknown option '--rule'"],
    [['start', '--rule'], "Unknown option '--rule'"],
    [['--port', '4001'], "Unknown option '--port': it is set in the environment, as PORT=…"],
    [['start', '--public-url=http://a'], "Unknown option '--public-url': it is set in the environment, as CARILLON_PUBLIC_URL=…"],
    [['start', 'now'], "Unexpected argument 'now'"],
    [['demo', '--fast'], "Unknown option '--fast'"],
    [['--role', 'boss'], 'CARILLON_ROLE: '],
  ])('%j says what is wrong and ends with 2', (args, text) => {
    expect(carillon(...args)).toEqual({ status: 2, stdout: '', stderr: expect.stringContaining(text) })
  })
})

it('ends with 1 and the reason in one line when the server can not start', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src/main.ts'), '--no-demo'], {
    encoding: 'utf8',
    env: {
      DATABASE_URL: 'postgresql://shop:hunter2@127.0.0.1:1/none',
      CARILLON_SECRET: 'x'.repeat(32),
      CARILLON_START_WAIT: '0',
      CARILLON_LOG: 'silent',
    },
  })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toBe(
    "Carillon could not start: DATABASE_URL: PostgreSQL at 127.0.0.1:1/none can't be used: nothing listens there (ECONNREFUSED).\n",
  )
})
