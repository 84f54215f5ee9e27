/** Slow templates: rendered in a process that is killed when a call takes too long. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { createRenderer, type Scope, SlowTemplate } from '../../src/render/renderer.ts'
import { createSandbox } from '../../src/render/sandbox.ts'

const sandbox = createSandbox({ log: silentLog })
afterAll(() => sandbox.close())
const renderer = createRenderer()
const project = { id: 'p', key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false }
const scope = (data: Scope['data'] = {}): Scope => ({ project, contact: null, actor: null, data, unsubscribeUrl: null })

/** Renders here, or in the sandbox where that is asked for; returns which. */
async function say(
  source: string,
  data: Scope['data'] = {},
  projectId = 'p',
): Promise<{ text: unknown; where: 'here' | 'sandbox' }> {
  try {
    return { text: renderer.text('body', source, scope(data)), where: 'here' }
  } catch (error) {
    if (!(error instanceof SlowTemplate)) throw error
    return { text: await sandbox.render(projectId, error.call), where: 'sandbox' }
  }
}
const list = Array.from({ length: 50_000 }, (_unused, n) => ({ n }))

it('renders here what is quick, and in the sandbox what a filter can make slow', async () => {
  expect(await say('Hello {{ name | upcase | default: "you" }}', { name: 'Anna' })).toEqual({ text: 'Hello ANNA', where: 'here' })
  expect(await say('{% for one in list %}{{ one }},{% endfor %}', { list: [1, 2] })).toEqual({ text: '1,2,', where: 'here' })
  expect(await say('{{ list | sort | join: "," }}', { list: [2, 1] })).toEqual({ text: '1,2', where: 'sandbox' })
  expect(await say('{% if list %}{% assign a = list | where: "n", 1 %}{{ a.size }}{% endif %}', { list: [{ n: 1 }] })).toEqual({
    text: '1',
    where: 'sandbox',
  })
})

it('renders HTML here, whose values are all escaped, unless a filter can make it slow', () => {
  const content = { subject: 'Hello', text: null, from: null, replyTo: null, cc: null, bcc: null }
  const mail = (html: string) => () => renderer.email({ ...content, html }, scope({ name: '<Anna>', list: [2, 1] }), null)
  expect(mail('<p>Hello {{ name }}</p>')()).toMatchObject({ html: expect.stringContaining('Hello &lt;Anna&gt;') })
  expect(mail('<p>{{ list | sort | first }}</p>')).toThrow(SlowTemplate)
})

it('moves to the sandbox what took long once', async () => {
  const source = '{% for i in (1..300) %}{% for j in (1..300) %}{% assign x = i | plus: j %}{% endfor %}{% endfor %}{{ x }}'
  const first = await say(source).catch((error: unknown) => error)
  // On a quick machine all of it fits.
  if (first instanceof Error) expect(first).toMatchObject({ code: 'TEMPLATE_BROKEN' })
  else expect(first).toMatchObject({ text: '600' })
})

it('F37: ends a filter that hangs, holds up nobody meanwhile, and renders the next text', async () => {
  await say('{{ list | sort | first }}', { list: [1] })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const hanging = say('{{ list | sort: list }}', { list }).catch((error: unknown) => error)
  let here = 0
  const others = async (): Promise<void> => {
    for (let n = 0; n < 50; n++) {
      here += (await say('{{ n }}', { n })).text === String(n) ? 1 : 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await others()
  expect(here).toBe(50)
  expect(await hanging).toMatchObject({ code: 'TEMPLATE_BROKEN', message: expect.stringContaining('250 ms') })
  delay.disable()
  // In nanoseconds: far below the half second that the text was given.
  expect(delay.percentile(50) / 1e6).toBeLessThan(50)
  expect((await say('{{ list | sort | first }}', { list: [3, 2] })).text).toBe('2')
})

it('refuses a text that was stopped, without trying it, and lets other texts of its project go', async () => {
  const source = '{{ list | sort: list | size }}'
  await say(source, { list }).catch(() => null)
  const begun = performance.now()
  await expect(say(source, { list })).rejects.toMatchObject({ code: 'TEMPLATE_BROKEN' })
  expect(performance.now() - begun).toBeLessThan(400)
  expect((await say('{{ list | sort | last }}', { list: [1, 2] })).text).toBe('2')
})

it('ends a text that fills the memory, and lives on however often', async () => {
  for (let n = 0; n < 5; n++) {
    const doubling = `{% assign s = "aaaaaaaaaa" | split: "" %}${'{% assign s = s | concat: s %}'.repeat(40 + n)}{{ s.size }}`
    await expect(say(doubling)).rejects.toMatchObject({ code: 'TEMPLATE_BROKEN' })
  }
  expect((await say('{{ list | sort | first }}', { list: [5, 4] })).text).toBe('4')
})

it('leaves no process behind that hangs when its server is killed', { timeout: 30_000 }, async () => {
  const orphan = fork(new URL('../../src/render/sandbox-process.ts', import.meta.url), {
    serialization: 'advanced',
    execArgv: [],
  })
  await new Promise((resolve) => orphan.once('message', resolve))
  let call: unknown
  try {
    renderer.text('body', '{{ list | sort: list }}', scope({ list }))
  } catch (error) {
    call = error instanceof SlowTemplate ? error.call : null
  }
  // What is left of the line when the server is killed: the call is the last that is heard.
  orphan.send({ task: { kind: 'render', call }, budgetMs: 250 }, () => orphan.disconnect())
  // It ends after the time of the call; nobody is there to kill it.
  expect(await new Promise((resolve) => orphan.once('exit', resolve))).toBe(0)
})

it('lets projects take turns', async () => {
  const order: string[] = []
  const slow = (projectId: string, n: number) =>
    say('{{ list | sort | first }} {{ n }}', { list: [1], n }, projectId).then(() => order.push(projectId))
  await Promise.all([...Array.from({ length: 20 }, (_unused, n) => slow('many', n)), slow('few', 0)])
  expect(order.indexOf('few')).toBeLessThan(5)
})

it('survives a signal to every process, as Ctrl-C sends it: an interrupted text is no broken template', async () => {
  const other = fork(fileURLToPath(new URL('../../src/render/sandbox-process.ts', import.meta.url)), { execArgv: [] })
  try {
    await once(other, 'message')
    for (const signal of ['SIGINT', 'SIGTERM'] as const) other.kill(signal)
    const answered = Promise.race([once(other, 'message'), once(other, 'exit')])
    const call = { method: 'text', args: ['body', '{{ list | sort | first }}', scope({ list: [2, 1] })] }
    other.send({ task: { kind: 'render', call }, budgetMs: 250 }, () => {})
    expect((await answered)[0]).toMatchObject({ ok: true, result: '1' })
    const ended = once(other, 'exit')
    other.disconnect()
    expect(await ended).toEqual([0, null])
  } finally {
    other.kill('SIGKILL')
  }
})

it('says OVERLOADED where no process can be started, which is no fault of the text, and renders it once one can', async () => {
  const own = createSandbox({ log: silentLog })
  const { execPath } = process
  const call = { method: 'text' as const, args: ['body', '{{ list | sort | first }}', scope({ list: [2, 1] })] as never }
  try {
    process.execPath = '/nowhere/node'
    await expect(own.render('p', call)).rejects.toMatchObject({ code: 'OVERLOADED' })
    process.execPath = execPath
    expect(await own.render('p', call)).toBe('1')
  } finally {
    process.execPath = execPath
    await own.close()
  }
})
