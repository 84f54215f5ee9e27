/** The console: sign-in, routing and rendering. The whole tree is rendered again on every change. */
import { html, render } from 'lit'
import { graphql } from '../graphql.ts'
import { serverUrl } from '../server-url.ts'
import { chosenProject, type Session, takeKeyFromAddress } from '../session.ts'
import { type Api, type Credential, createApi } from './api.ts'
import { createLeaving } from './leaving.ts'
import { empty, failureOf, refused as refusal, waiting } from './load.ts'
import { createMessages } from './messages.ts'
import type { Deps, Page, ProjectInfo, Scope } from './page.ts'
import { pageApi } from './page-api.ts'
import { type Command, createPalette } from './palette.ts'
import { needsOf, operatorPlace, placeOf } from './places.ts'
import { href, type Route, readRoute } from './router.ts'
import { shell } from './shell.ts'
import { createShortcuts } from './shortcuts.ts'
import { signIn } from './sign-in.ts'
import { showZone } from './time.ts'
import { createDraftStore } from './unsaved.ts'
import { endSession, readPerson, type Viewer } from './viewer.ts'
import { keepZone, readZone, zoneLabels, zoneOf } from './zone.ts'

const WhoAmI = graphql(`
  query WhoAmI {
    viewer {
      isOperator scopes maskPersonalData
      project { key name locale timezone }
      contact { externalId }
      person { email name role projects { key name role } }
    }
  }
`)

const CLOCK_MS = 20_000
const EXPIRED = 'Your API key was revoked or has expired. Sign in with another one.'
const ENDED = 'Your session has ended. Sign in again.'
const NO_ROLE = 'You are signed in, but have no role in any project. Ask an admin of the project for one.'

type Palette = ReturnType<typeof createPalette>

/** Which of the screens is shown. */
type Stage =
  | { readonly at: 'sign-in'; readonly notice: string | null; readonly wrong: string | null; readonly hasSession?: boolean }
  | { readonly at: 'entering' }
  | { readonly at: 'unreachable'; readonly failure: ReturnType<typeof failureOf>; readonly retry: () => void }
  /** `project`: null for the operator */
  | {
      readonly at: 'inside'
      readonly api: Api
      readonly project: ProjectInfo | null
      readonly viewer: Viewer
      /** null: the operator's */
      readonly palette: Palette | null
    }

/** What pages of the operator, who has no project, are given as one. */
const noProject: ProjectInfo = { key: '', name: '', locale: 'en' }

/**
 * Starts the console in an element. `given`: the key from the URL, if there is one. The element names the identity provider, where people
 * sign in.
 */
export function startConsole(root: HTMLElement, session: Session, given: string | null): void {
  const issuer = root.dataset['issuer'] ?? null
  let stage: Stage = { at: 'sign-in', notice: null, wrong: null }
  let typed = ''
  let page: Page | null = null
  let pageKey = ''
  let isMenuOpen = false
  let isDue = false
  /** the project's */
  let zone: string | null = null
  let leavePage = (): void => {}

  const update = (): void => {
    if (isDue) return
    isDue = true
    queueMicrotask(() => {
      isDue = false
      draw()
    })
  }

  const messages = createMessages(update)
  const { say, ask } = messages

  function close(): void {
    if (stage.at === 'inside') stage.api.close()
    page?.close?.()
    leavePage()
    page = null
    pageKey = ''
    messages.answer(false)
  }
  function leave(notice: string | null): void {
    close()
    session.forget()
    stage = { at: 'sign-in', notice, wrong: null }
    update()
  }
  async function signOut(): Promise<void> {
    try {
      await endSession()
      leave(null)
    } catch (error) {
      say(failureOf(error).message, 'bad')
    }
  }

  /** Enters as the person who is signed in, in the project of this tab or the first one. */
  async function enterAsPerson(notice: string | null = null): Promise<void> {
    close()
    stage = { at: 'entering' }
    update()
    try {
      const person = await readPerson()
      const wanted = chosenProject.read()
      const project = person?.projects.find(({ key }) => key === wanted) ?? person?.projects[0]
      if (project !== undefined) return await enter({ project: project.key })
      stage = { at: 'sign-in', notice: person === null ? notice : NO_ROLE, wrong: null, hasSession: person !== null }
    } catch (error) {
      stage = { at: 'unreachable', failure: failureOf(error), retry: () => void enterAsPerson(notice) }
    }
    update()
  }
  /** What a person may do has changed, or not: the server knows. */
  async function lookAgain(api: Api): Promise<void> {
    if (stage.at !== 'inside' || stage.api !== api || stage.project === null || stage.viewer.person === null) return
    const { project, viewer } = stage
    const person = await readPerson().catch(() => undefined)
    const now = person?.projects.find(({ key }) => key === project.key)
    if (person === undefined || (now?.role.toUpperCase() === viewer.person?.role && now?.maskPersonalData === viewer.isMasked))
      return
    if (stage.at === 'inside' && stage.api === api) await enterAsPerson(ENDED)
  }

  async function enter(credential: Credential): Promise<void> {
    stage = { at: 'entering' }
    typed = 'key' in credential ? credential.key : ''
    update()
    let isRefused = false
    const api: Api = createApi({
      credential,
      refused: () => {
        isRefused = true
        if (stage.at !== 'inside' || stage.api !== api) return
        if ('key' in credential) leave(EXPIRED)
        else void enterAsPerson(ENDED)
      },
      forbidden: () => void lookAgain(api),
      connectionChanged: update,
    })
    try {
      const { viewer } = await api.ask(WhoAmI, {})
      const wrong =
        viewer.contact !== null && viewer.contact !== undefined
          ? "This is a contact token. Sign in with a project's API key."
          : !viewer.isOperator && (viewer.project === null || viewer.project === undefined)
            ? 'This key does not belong to a project.'
            : null
      if (wrong !== null) {
        stage = { at: 'sign-in', notice: null, wrong }
        session.forget()
        return
      }
      if ('key' in credential) session.write(credential.key)
      else chosenProject.write(credential.project)
      typed = ''
      const { scopes, maskPersonalData: isMasked, person } = viewer
      zone = viewer.project?.timezone ?? null
      showZone(zoneOf(readZone(), zone))
      const can = (scope: Scope): boolean => scopes.includes(scope)
      const palette =
        (viewer.project ?? null) === null
          ? null
          : createPalette({ api, isMasked, hasPeople: issuer !== null, can, update, actions: commands(person !== null) })
      stage = {
        at: 'inside',
        api,
        project: viewer.project ?? null,
        viewer: { scopes, isMasked, person: person ?? null },
        palette,
      }
      follow()
    } catch (error) {
      const hadSession = session.read() !== null
      if (isRefused) session.forget()
      stage = isRefused
        ? { at: 'sign-in', notice: hadSession ? EXPIRED : null, wrong: hadSession ? null : 'This API key is not valid.' }
        : { at: 'unreachable', failure: failureOf(error), retry: () => void enter(credential) }
    } finally {
      update()
    }
  }

  const explore = (): void => {
    const credential = encodeURIComponent(`Bearer ${session.read() ?? ''}`)
    window.open(`${serverUrl('graphql')}#authorization=${credential}`, '_blank', 'noopener')
  }
  const changeZone = (choice: string): void => {
    showZone(zoneOf(keepZone(choice), zone))
    update()
  }
  /** What the frame can do, for the palette. */
  const commands = (isPerson: boolean): readonly Command[] => [
    ...(isPerson ? [] : [{ group: 'Actions', label: 'Open GraphiQL', run: explore }]),
    ...Object.entries(zoneLabels).map(([choice, label]) => ({
      ...{ group: 'Actions', label: `Show times in ${label}` },
      run: () => changeZone(choice),
    })),
    { group: 'Actions', label: 'Sign out', run: () => (isPerson ? void signOut() : leave(null)) },
  ]
  const shortcuts = createShortcuts(
    root,
    () => {
      if (stage.at !== 'inside' || stage.palette === null) return
      if (stage.palette.isOpen()) stage.palette.close()
      else stage.palette.open()
    },
    update,
  )
  const leaving = createLeaving({ page: () => page, ask })
  const go: Deps['go'] = (path, query) => {
    location.hash = href(path, query)
  }
  const replace: Deps['replace'] = (path, query) => {
    history.replaceState(history.state, '', href(path, query))
    follow()
  }

  /** Shows the page for the URL. */
  function follow(): void {
    if (stage.at === 'inside') show(stage, readRoute(location.hash))
    update()
  }
  function show({ api, project, viewer }: Extract<Stage, { at: 'inside' }>, route: Route): void {
    const key = project === null ? 'operator' : route.path.slice(0, 2).join('/')
    if (page?.moved !== undefined && key === pageKey) {
      leaving.shown()
      page.moved(route)
      return
    }
    if (leaving.isKept()) return
    page?.close?.()
    leavePage()
    leaving.shown()
    const isFirst = pageKey === ''
    pageKey = key
    isMenuOpen = false
    const place = project === null ? operatorPlace : placeOf(route)
    const can: Deps['can'] = (scope) => viewer.scopes.includes(scope)
    const isOpen = project === null || can(needsOf(route.path[0] ?? ''))
    const { api: own, leave: left } = pageApi(api)
    let isLeft = false
    leavePage = () => {
      isLeft = true
      left()
      messages.dropErrors()
    }
    const sayHere: Deps['say'] = (text, tone) => {
      if (!isLeft || tone !== 'bad') say(text, tone)
    }
    const deps: Deps = {
      ...{ api: own, project: project ?? noProject, isMasked: viewer.isMasked },
      drafts: createDraftStore(project?.key ?? '', viewer.person?.email ?? null),
      ...{ can, update, go, replace, say: sayHere, ask },
    }
    page = place === undefined ? nowhere : isOpen ? place.open(deps, route) : closed
    if (!isFirst) queueMicrotask(() => queueMicrotask(announce))
  }
  const announce = (): void => {
    window.scrollTo(0, 0)
    root.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true })
  }

  function draw(): void {
    const scopes = stage.at === 'inside' ? stage.viewer.scopes : allScopes
    root.dataset['lacks'] = allScopes.filter((scope) => !scopes.includes(scope)).join(' ')
    document.title = page === null ? 'Carillon' : `${page.title()} · Carillon`
    render(content(), root)
  }
  function content(): unknown {
    if (stage.at === 'entering') return html`<main class="door">${waiting()}</main>`
    if (stage.at === 'unreachable') {
      return html`<main class="door">
        <h1>Carillon</h1>
        ${refusal(stage.failure, stage.retry)}
      </main>`
    }
    if (stage.at === 'sign-in') {
      const change = (key: string): void => {
        typed = key
        update()
      }
      return signIn({
        notice: stage.notice,
        wrong: stage.wrong,
        isBusy: false,
        key: typed,
        issuer,
        leave: stage.hasSession === true ? () => void signOut() : null,
        change,
        enter: (key) => void enter({ key }),
      })
    }
    const { api, project, viewer, palette } = stage
    return html`${shell({
      project,
      viewer,
      hasPeople: issuer !== null,
      current: (project === null ? operatorPlace : placeOf(readRoute(location.hash)))?.menu ?? '',
      connection: api.connection,
      isAway: api.isAway,
      zone: { choice: readZone(), project: zone },
      changeZone,
      isMenuOpen,
      toasts: messages.toasts(),
      question: messages.question(),
      content: page?.view() ?? waiting(),
      toggleMenu() {
        isMenuOpen = !isMenuOpen
        update()
      },
      answer: messages.answer,
      unsay: messages.unsay,
      explore: viewer.person === null ? explore : null,
      find: palette === null ? null : palette.open,
      async change(key) {
        if (!(await leaving.mayLeave())) return update()
        chosenProject.write(key)
        // What is shown belongs to the other project.
        history.replaceState(null, '', href([readRoute(location.hash).path[0] ?? 'activity']))
        void enterAsPerson()
      },
      async leave() {
        if (!(await leaving.mayLeave())) return
        if (viewer.person === null) leave(null)
        else void signOut()
      },
    })}
    ${palette?.view() ?? ''} ${shortcuts.view()}`
  }

  window.addEventListener('hashchange', () => {
    const another = takeKeyFromAddress(session.read())
    if (another === null) return follow()
    leave(null)
    void enter({ key: another })
  })
  // Times are shown as how long ago they are.
  setInterval(() => {
    if (stage.at === 'inside' && document.visibilityState === 'visible') update()
  }, CLOCK_MS)
  const key = given ?? session.read()
  if (key !== null) void enter({ key })
  else if (issuer !== null) void enterAsPerson()
  else draw()
}

const allScopes: readonly Scope[] = ['SEND', 'READ', 'MANAGE', 'KEYS']

const closed: Page = {
  title: () => 'Not permitted',
  view: () =>
    html`<h1 tabindex="-1">Not permitted</h1>
      <div class="panel">${empty('Your role does not include this page', html`Go to <a href=${href(['activity'])}>Activity</a>.`)}</div>`,
}

const nowhere: Page = {
  title: () => 'Page not found',
  view: () =>
    html`<h1 tabindex="-1">Page not found</h1>
      <div class="panel">${empty('There is no page at this address', html`Go to <a href=${href(['activity'])}>Activity</a>.`)}</div>`,
}
