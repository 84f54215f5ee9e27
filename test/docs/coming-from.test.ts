/** docs/coming-from-*.md: each names every operation of the other system, and every example of ours runs as it stands. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp, type TestProject } from '../helpers/app.ts'
import {
  type Block,
  expectAnswer,
  findProgram,
  paste,
  post,
  readGuide,
  root,
  rootFieldsOf,
  rootFieldsOfServer,
} from '../helpers/guide.ts'
import { Feed, Send } from '../helpers/operations.ts'

let app: TestApp
let dir: string
beforeAll(async () => {
  app = await startTestApp()
  dir = await mkdtemp(join(tmpdir(), 'carillon-guide-'))
})
afterAll(async () => {
  await app?.stop()
  await rm(dir, { recursive: true, force: true })
})

/** Runs the blocks of one language in order; `fill` puts in what only a running server knows. */
async function runGraphql(blocks: readonly Block[], project: TestProject, fill: (text: string) => Promise<string> | string) {
  for (const block of blocks.filter(({ language }) => language === 'graphql')) {
    const answer = await post(app.url, `Bearer ${project.apiKey}`, await fill(block.text))
    expect(answer.errors, `the example at line ${block.line}`).toBeUndefined()
    expectAnswer(answer, block)
  }
}

/** Runs a block as a program of its own. @returns what it printed */
async function runProgram(program: string, block: Block, project: TestProject): Promise<string> {
  const file = join(dir, `line-${block.line}.${block.language === 'js' ? 'mjs' : block.language}`)
  await writeFile(file, block.text)
  const child = spawn(program, [file], {
    env: { PATH: process.env['PATH'] ?? '', CARILLON_URL: app.url, CARILLON_KEY: project.apiKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  expect(await new Promise<number | null>((resolve) => child.once('close', resolve)), `exit of line ${block.line}`).toBe(0)
  return text
}

/** Pastes the blocks of the shell, and holds what they print against what the guide shows. */
async function runShell(blocks: readonly Block[], { apiKey, accessKey, secretKey, key }: TestProject): Promise<void> {
  if (findProgram('curl') === null)
    return void process.stderr.write('Not tried: the curl of the guides. To run it, install curl.\n')
  const pasted = blocks.filter(({ language }) => language === 'sh')
  const env = { CARILLON_URL: app.url, CARILLON_KEY: apiKey, ACCESS_KEY: accessKey, SECRET_KEY: secretKey, PROJECT_ID: key }
  const printed = await paste(pasted, { cwd: dir, env })
  for (const [index, block] of pasted.entries()) expectAnswer(JSON.parse(printed[index] ?? ''), block)
}

const usedBy = (blocks: readonly Block[]): string[] =>
  blocks.filter(({ language }) => language === 'graphql').flatMap(({ text }) => rootFieldsOf(parse(text)))

describe('docs/coming-from-novu.md', () => {
  const page = 'docs/coming-from-novu.md'
  const blocks = readGuide(page)
  const old = [
    'GET /v1/inbound-parse/mx/status',
    'GET /v1/notifications`',
    'GET /v1/notifications/stats`',
    'GET /v1/notifications/graph/stats',
    'GET /v1/notifications/:notificationId`',
    'POST /v1/events/trigger`',
    'POST /v1/events/trigger/bulk`',
    'POST /v1/events/trigger/broadcast`',
    'DELETE /v1/events/trigger/:transactionId`',
    'GET /v1/subscribers?page=0`',
    'POST /v1/subscribers`',
    'GET /v1/subscribers/:subscriberId`',
    'PUT /v1/subscribers/:subscriberId`',
    'DELETE /v1/subscribers/:subscriberId`',
    'PUT /v1/subscribers/:subscriberId/credentials`',
    'PATCH /v1/subscribers/:subscriberId/online-status`',
    'GET /v1/subscribers/:subscriberId/preferences`',
    'PATCH /v1/subscribers/:subscriberId/preferences/:templateId`',
    'GET /v1/subscribers/:subscriberId/notifications/feed`',
    'GET /v1/subscribers/:subscriberId/notifications/unseen`',
    'POST /v1/subscribers/:subscriberId/messages/:messageId/seen`',
    'POST /v1/subscribers/:subscriberId/messages/markAs`',
    'POST /v1/subscribers/:subscriberId/messages/:messageId/actions/:type`',
  ]
  it('names all 23 operations of that API', () => {
    const text = readFileSync(join(root, page), 'utf8')
    expect(old).toHaveLength(23)
    expect(old.filter((path) => !text.includes(`\`${path}`))).toEqual([])
  })
  it('runs every example', async () => {
    const project = await app.project()
    let message = ''
    await runGraphql(blocks, project, async (text) => {
      if (message === '' && text.includes('MESSAGE_ID')) {
        const { feed } = await project.api.do(Feed, { contact: 'anna' })
        message = feed.nodes.find((node) => node.title === 'Ben commented')?.id ?? ''
      }
      const sent = text.includes('NOTIFICATION_ID')
        ? await project.api.do(Send, { messages: [{ template: 'news', contact: { externalId: 'anna' } }] })
        : null
      return text
        .replaceAll('MESSAGE_ID', message)
        .replaceAll('NOTIFICATION_ID', sent?.sendMessages.results[0]?.notification?.id ?? '')
    })
    await runShell(blocks, project)
  })
})

describe('docs/coming-from-notifuse.md', () => {
  const page = 'docs/coming-from-notifuse.md'
  const blocks = readGuide(page)
  it('names every field of a message and of its answer', () => {
    const text = readFileSync(join(root, page), 'utf8')
    const old =
      'messages.send notificationId userId data id incrementId userEmail userTelephone userLanguage userTimezone userFirstName userLastName ' +
      'userPhotoURL userCountry widgetSettingsOverride.iconURL emailSettingsOverride.subject .replyTo .cc .bcc ok error emailError smsError ' +
      'telephone language photoURL statusCode success inserted updated failed stats externalId project'
    expect(old.split(' ').filter((name) => !new RegExp(`\`[^\`]*${name.replaceAll('.', '\\.')}\\b`).test(text))).toEqual([])
  })
  it('runs every example', async () => {
    const project = await app.project()
    await runGraphql(blocks, project, (text) => text)
    await runShell(blocks, project)
    const expected = { inserted: [], updated: ['123'], failed: [] }
    for (const block of blocks.filter(({ language }) => language === 'js')) {
      expect(JSON.parse(await runProgram(process.execPath, block, project))).toEqual(expected)
    }
    const php = findProgram('php')
    if (php === null)
      return void process.stderr.write('Not tried: the PHP of docs/coming-from-notifuse.md. To run it, install php.\n')
    for (const block of blocks.filter(({ language }) => language === 'php')) {
      expect(JSON.parse(await runProgram(php, block, project))).toEqual(expected)
    }
  })
})

describe('docs/coming-from-notifly.md', () => {
  const page = 'docs/coming-from-notifly.md'
  const blocks = readGuide(page)
  it('names all eight endpoints', () => {
    const text = readFileSync(join(root, page), 'utf8')
    const old = [
      'POST /authenticate',
      'POST /track-event',
      'POST /set-user-properties',
      'DELETE /users',
      'POST /campaign/{projectId}/{campaignId}/send',
      'POST /messages/text-message',
      'POST /messages/kakao-alimtalk',
      'POST /messages/kakao-friendtalk',
    ]
    expect(old.filter((path) => !text.includes(`\`${path}\``))).toEqual([])
  })
  it('runs every example', async () => {
    const project = await app.project()
    await runGraphql(blocks, project, (text) =>
      text.replace('ACCESS_KEY', project.accessKey).replace('SECRET_KEY', project.secretKey),
    )
    await runShell(blocks, project)
  })
})

it('the guides use only operations that the server has', () => {
  const { Query, Mutation, Subscription } = rootFieldsOfServer()
  const used = ['novu', 'notifuse', 'notifly'].flatMap((name) => usedBy(readGuide(`docs/coming-from-${name}.md`)))
  expect(used.filter((name) => ![...Query, ...Mutation, ...Subscription].includes(name))).toEqual([])
})
