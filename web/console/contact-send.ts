/** Sends a template to one contact. */
import { html, type TemplateResult } from 'lit'
import { graphql } from '../graphql.ts'
import { templateChoices } from './choices.ts'
import { dialog } from './dialog.ts'
import { area, choice, submit } from './form.ts'
import { readObject } from './json.ts'
import { failureOf } from './load.ts'
import type { Deps } from './page.ts'

const SendToContact = graphql(`
  mutation SendToContact($messages: [MessageInput!]!) {
    sendMessages(messages: $messages) { results { ok error { message } notification { id } } }
  }
`)

/** Creates the dialog. */
export function createSendDialog({ api, update, go }: Pick<Deps, 'api' | 'update' | 'go'>, contact: string) {
  let templates: readonly { readonly key: string; readonly name: string }[] | null = null
  let isBusy = false
  let template = ''
  let data = ''
  let wrong: string | null = null
  const close = (): void => {
    templates = null
    update()
  }
  async function send(): Promise<void> {
    const read = readObject(data)
    wrong = read.ok ? null : read.wrong
    if (!read.ok) return update()
    isBusy = true
    update()
    try {
      const messages = [{ template, data: read.value ?? {}, contact: { externalId: contact } }]
      const [result] = (await api.ask(SendToContact, { messages })).sendMessages.results
      if (result?.ok === true && result.notification !== null) {
        close()
        go(['notifications', result.notification.id])
      } else wrong = result?.error?.message ?? 'It was refused.'
    } catch (error) {
      wrong = failureOf(error).message
    }
    isBusy = false
    update()
  }
  return {
    async open(): Promise<void> {
      wrong = null
      try {
        templates = await templateChoices(api)
      } catch (error) {
        templates = []
        wrong = failureOf(error).message
      }
      update()
    },
    view(): TemplateResult | string {
      if (templates === null) return ''
      const options = templates.map(({ key, name }) => [key, name === key ? key : `${name} (${key})`] as const)
      return dialog({
        title: `Send to ${contact}`,
        close,
        body: html`<form @submit=${submit(send)}>
          ${choice({
            ...{ id: 'send-template', label: 'Template', value: template, options: [['', 'Choose a template'], ...options] },
            change(value) {
              template = value
              update()
            },
          })}
          ${area({
            ...{
              id: 'send-data',
              label: 'Data',
              isCode: true,
              rows: 4,
              value: data,
              hint: 'A JSON object with the variables of the template',
            },
            change: (value) => (data = value),
          })}
          ${wrong === null ? '' : html`<div class="notice bad" role="alert"><p>${wrong}</p></div>`}
          <div class="buttons end"><button class="primary" ?disabled=${isBusy || template === ''}>Send</button></div>
        </form>`,
      })
    },
  }
}
