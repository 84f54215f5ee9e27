/** The console: signs in, finds the page of the address, draws. One tree, drawn again as a whole whenever something changed. */
import { html, render } from 'lit'
import { graphql } from '../graphql.ts'
import { type Api, createApi } from './api.ts'
import { empty, failureOf, refused as refusal, waiting } from './load.ts'
import type { Deps, Page, ProjectInfo, Question } from './page.ts'
import { placeOf } from './places.ts'
import { href, type Route, readRoute } from './router.ts'
import { type Session, takeKeyFromAddress } from './session.ts'
import { shell, type Toast } from './shell.ts'
import { signIn } from './sign-in.ts'

const WhoAmI = graphql(`
  query WhoAmI { viewer { isOperator project { key name locale } contact { externalId } } }
`)

const TOAST_MS = 6_000
const EXPIRED = 'The server no longer accepts this key: it was revoked, or it has expired. Sign in with another one.'

/** What is shown: the door, or the house. */
type Stage =
  | { readonly at: 'door'; readonly notice: string | null; readonly wrong: string | null }
  | { readonly at: 'entering' }
  | { readonly at: 'unreachable'; readonly failure: ReturnType<typeof failureOf> }
  | { readonly at: 'inside'; readonly api: Api; readonly project: ProjectInfo }

/** Starts the console in an element. `given`: a key that came with the address. */
export function startConsole(root: HTMLElement, session: Session, given: string | null): void {
  let stage: Stage = { at: 'door', notice: null, wrong: null }
  let typed = ''
  let page: Page | null = null
  let pageKey = ''
  let isMenuOpen = false
  let toasts: readonly Toast[] = []
  let toastId = 0
  let question: { readonly asked: Question; readonly answer: (isYes: boolean) => void } | null = null
  let isDue = false

  const update = (): void => {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      draw()
    })
  }

  function leave(notice: string | null): void {
    if (stage.at === 'inside') stage.api.close()
    page?.close?.()
    page = null
    pageKey = ''
    question?.answer(false)
    session.forget()
    stage = { at: 'door', notice, wrong: null }
    update()
  }

  async function enter(key: string): Promise<void> {
    stage = { at: 'entering' }
    typed = key
    update()
    let isRefused = false
    const api: Api = createApi({
      key,
      refused: () => {
        isRefused = true
        if (stage.at === 'inside' && stage.api === api) leave(EXPIRED)
      },
      lineChanged: update,
    })
    try {
      const { viewer } = await api.ask(WhoAmI, {})
      const wrong = viewer.isOperator
        ? "This is the operator's key: it makes projects and opens none. Take an API key of a project."
        : viewer.contact !== null && viewer.contact !== undefined
          ? "This is the token of a contact's page. Take an API key of the project."
          : viewer.project === null || viewer.project === undefined
            ? 'This key belongs to no project.'
            : null
      if (wrong !== null || viewer.project === null || viewer.project === undefined) {
        stage = { at: 'door', notice: null, wrong }
        session.forget()
        return
      }
      session.write(key)
      typed = ''
      stage = { at: 'inside', api, project: viewer.project }
      follow()
    } catch (error) {
      const hadSession = session.read() !== null
      if (isRefused) session.forget()
      stage = isRefused
        ? { at: 'door', notice: hadSession ? EXPIRED : null, wrong: hadSession ? null : 'The server does not know this key.' }
        : { at: 'unreachable', failure: failureOf(error) }
    } finally {
      update()
    }
  }

  const say = (text: string, tone: 'good' | 'bad' = 'good'): void => {
    toastId += 1
    const id = toastId
    toasts = [...toasts.slice(-3), { id, text, tone }]
    // What went wrong stays until it is read.
    if (tone === 'good') setTimeout(() => unsay(id), TOAST_MS)
    update()
  }
  const unsay = (id: number): void => {
    toasts = toasts.filter((toast) => toast.id !== id)
    update()
  }
  const ask = (asked: Question): Promise<boolean> => {
    question?.answer(false)
    return new Promise((resolve) => {
      question = {
        asked,
        answer: (isYes) => {
          question = null
          resolve(isYes)
          update()
        },
      }
      update()
    })
  }
  const go: Deps['go'] = (path, query) => {
    location.hash = href(path, query)
  }
  const replace: Deps['replace'] = (path, query) => {
    history.replaceState(null, '', href(path, query))
    follow()
  }

  /** Shows the page of the address. */
  function follow(): void {
    if (stage.at === 'inside') show(stage, readRoute(location.hash))
    update()
  }
  function show({ api, project }: { readonly api: Api; readonly project: ProjectInfo }, route: Route): void {
    const key = route.path.slice(0, 2).join('/')
    if (page?.moved !== undefined && key === pageKey) {
      page.moved(route)
      return
    }
    page?.close?.()
    const isFirst = pageKey === ''
    pageKey = key
    isMenuOpen = false
    const place = placeOf(route)
    page = place === undefined ? nowhere : place.open({ api, project, update, go, replace, say, ask }, route)
    if (!isFirst) queueMicrotask(() => queueMicrotask(announce))
  }
  const announce = (): void => {
    window.scrollTo(0, 0)
    root.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
  }

  function draw(): void {
    document.title = page === null ? 'Carillon' : `${page.title()} · Carillon`
    render(content(), root)
  }
  function content(): unknown {
    if (stage.at === 'entering') return html`<main class="door">${waiting()}</main>`
    if (stage.at === 'unreachable') {
      return html`<main class="door">
        <h1>Carillon</h1>
        ${refusal(stage.failure, () => void enter(typed))}
      </main>`
    }
    if (stage.at === 'door') {
      const change = (key: string): void => {
        typed = key
        update()
      }
      return signIn({
        notice: stage.notice,
        wrong: stage.wrong,
        isBusy: false,
        key: typed,
        change,
        enter: (key) => void enter(key),
      })
    }
    const { api, project } = stage
    return shell({
      project,
      current: placeOf(readRoute(location.hash))?.menu ?? '',
      line: api.line,
      isMenuOpen,
      toasts,
      question: question?.asked ?? null,
      content: page?.view() ?? waiting(),
      toggleMenu() {
        isMenuOpen = !isMenuOpen
        update()
      },
      answer: (isYes) => question?.answer(isYes),
      unsay,
      explore: () => {
        const credential = encodeURIComponent(`Bearer ${session.read() ?? ''}`)
        window.open(`/graphql#authorization=${credential}`, '_blank', 'noopener')
      },
      leave: () => leave(null),
    })
  }

  window.addEventListener('hashchange', () => {
    const another = takeKeyFromAddress()
    if (another === null) return follow()
    leave(null)
    void enter(another)
  })
  const key = given ?? session.read()
  if (key === null) draw()
  else void enter(key)
}

const nowhere: Page = {
  title: () => 'Not found',
  view: () =>
    html`<h1 tabindex="-1">Not found</h1>
      <div class="panel">${empty('There is no such page', html`See what is going on in <a href=${href(['activity'])}>Activity</a>.`)}</div>`,
}
