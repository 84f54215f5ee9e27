/** Heavy texts: rendered in a process, which ends with a call that takes too long. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { silentLog } from '../../src/log.ts'
import { createAside } from '../../src/render/aside.ts'
import { createRenderer, type Scope } from '../../src/render/content.ts'
import { HeavyText } from '../../src/render/heavy.ts'

const aside = createAside({ log: silentLog })
afterAll(() => aside.close())
const renderer = createRenderer()
const project = { id: 'p', key: 'p', name: 'P', locale: 'en', timezone: 'UTC', resendUnknown: false }
const scope = (data: Scope['data'] = {}): Scope => ({ project, contact: null, actor: null, data, unsubscribeUrl: null })

/** Renders here, or aside where that is asked for; tells which. */
async function say(
  source: string,
  data: Scope['data'] = {},
  projectId = 'p',
): Promise<{ text: unknown; where: 'here' | 'aside' }> {
  try {
    return { text: renderer.text('body', source, scope(data)), where: 'here' }
  } catch (error) {
    if (!(error instanceof HeavyText)) throw error
    return { text: await aside.render(projectId, error.call), where: 'aside' }
  }
}
const list = Array.from({ length: 50_000 }, (_unused, n) => ({ n }))

it('renders here what is quick, and aside what a filter can make slow', async () => {
  expect(await say('Hello {{ name | upcase | default: "you" }}', { name: 'Anna' })).toEqual({ text: 'Hello ANNA', where: 'here' })
  expect(await say('{% for one in list %}{{ one }},{% endfor %}', { list: [1, 2] })).toEqual({ text: '1,2,', where: 'here' })
  expect(await say('{{ list | sort | join: "," }}', { list: [2, 1] })).toEqual({ text: '1,2', where: 'aside' })
  expect(await say('{% if list %}{% assign a = list | where: "n", 1 %}{{ a.size }}{% endif %}', { list: [{ n: 1 }] })).toEqual({
    text: '1',
    where: 'aside',
  })
})

it('renders HTML here, whose values are all escaped, unless a filter can make it slow', () => {
  const content = { subject: 'Hello', text: null, from: null, replyTo: null, cc: null, bcc: null }
  const mail = (html: string) => () => renderer.email({ ...content, html }, scope({ name: '<Anna>', list: [2, 1] }), null)
  expect(mail('<p>Hello {{ name }}</p>')()).toMatchObject({ html: expect.stringContaining('Hello &lt;Anna&gt;') })
  expect(mail('<p>{{ list | sort | first }}</p>')).toThrow(HeavyText)
})

it('moves aside what took long once', async () => {
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
  const orphan = fork(new URL('../../src/render/aside-process.ts', import.meta.url), { serialization: 'advanced', execArgv: [] })
  await new Promise((resolve) => orphan.once('message', resolve))
  let call: unknown
  try {
    renderer.text('body', '{{ list | sort: list }}', scope({ list }))
  } catch (error) {
    call = error instanceof HeavyText ? error.call : null
  }
  // What is left of the line when the server is killed: the call is the last that is heard.
  orphan.send(call as object, () => orphan.disconnect())
  expect(await new Promise((resolve) => orphan.once('exit', resolve))).toBe(1)
})

it('lets projects take turns', async () => {
  const order: string[] = []
  const heavy = (projectId: string, n: number) =>
    say('{{ list | sort | first }} {{ n }}', { list: [1], n }, projectId).then(() => order.push(projectId))
  await Promise.all([...Array.from({ length: 20 }, (_unused, n) => heavy('many', n)), heavy('few', 0)])
  expect(order.indexOf('few')).toBeLessThan(5)
})

it('goes on when every process is told to stop, as Ctrl-C does: a text in hand is no broken template', async () => {
  const other = fork(fileURLToPath(new URL('../../src/render/aside-process.ts', import.meta.url)), { execArgv: [] })
  try {
    await once(other, 'message')
    for (const signal of ['SIGINT', 'SIGTERM'] as const) other.kill(signal)
    const answered = Promise.race([once(other, 'message'), once(other, 'exit')])
    other.send({ method: 'text', args: ['body', '{{ list | sort | first }}', scope({ list: [2, 1] })] }, () => {})
    expect((await answered)[0]).toEqual({ ok: true, said: '1' })
    const ended = once(other, 'exit')
    other.disconnect()
    expect(await ended).toEqual([0, null])
  } finally {
    other.kill('SIGKILL')
  }
})

it('says OVERLOADED where no process can be started, which is no fault of the text, and renders it once one can', async () => {
  const own = createAside({ log: silentLog })
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
