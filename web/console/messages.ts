/** What the console says: toasts, and questions before an action. */
import type { Question } from './page.ts'
import type { Toast } from './shell.ts'

const TOAST_MS = 6_000
const SHOWN = 4

/** Creates them for the whole console. `update` renders again. */
export function createMessages(update: () => void) {
  let toasts: readonly Toast[] = []
  let lastId = 0
  let question: { readonly content: Question; readonly answer: (isYes: boolean) => void } | null = null
  const unsay = (id: number): void => {
    toasts = toasts.filter((toast) => toast.id !== id)
    update()
  }
  const answer = (isYes: boolean): void => question?.answer(isYes)
  return {
    toasts: (): readonly Toast[] => toasts,
    question: (): Question | null => question?.content ?? null,
    unsay,
    answer,
    say(text: string, tone: 'good' | 'bad' = 'good'): void {
      lastId += 1
      const id = lastId
      toasts = [...toasts.slice(1 - SHOWN), { id, text, tone }]
      // Errors stay until they are dismissed, or their page is left.
      if (tone === 'good') setTimeout(() => unsay(id), TOAST_MS)
      update()
    },
    /** The page is left: an error belongs to the page that it happened on. */
    dropErrors(): void {
      toasts = toasts.filter(({ tone }) => tone === 'good')
    },
    ask(content: Question): Promise<boolean> {
      answer(false)
      return new Promise((resolve) => {
        question = {
          content,
          answer: (isYes) => {
            question = null
            resolve(isYes)
            update()
          },
        }
        update()
      })
    },
  }
}
