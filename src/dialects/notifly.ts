/** Notifly's HTTP API: eight endpoints. */
import type { Dialect } from './dialect.ts'
import { dataErrors } from './notifly-errors.ts'
import { notiflyMessages } from './notifly-messages.ts'
import { notiflyUsers } from './notifly-users.ts'

const { failed, failures } = dataErrors({ names: {}, list: null })

/** The dialect. */
export const notifly: Dialect = {
  name: 'notifly',
  title: 'Notifly, as Carillon speaks it',
  description: "Notifly's HTTP API: a client of it calls Carillon with another base address, and the keys of a project.",
  version: '1',
  security: {
    token: {
      type: 'apiKey',
      in: 'header',
      name: 'Authorization',
      description: 'The token of `/authenticate`, as it is. An API key of the project is accepted as well.',
    },
  },
  routes: [...notiflyUsers, ...notiflyMessages],
  // A path that is not there is no input that is wrong.
  failed: (failure) => ({ ...failed(failure), status: failure.status }),
  failures,
}
