/** The console's entry point. */

import { createSession, takeKeyFromAddress } from '../session.ts'
import { startConsole } from './app.ts'
import { base } from './style.ts'
import { forms } from './style-forms.ts'
import { frame } from './style-frame.ts'
import { details } from './style-pages.ts'
import { parts } from './style-parts.ts'
import { plots } from './style-plot.ts'
import { sides } from './style-sides.ts'

document.adoptedStyleSheets = [base, frame, parts, forms, details, sides, plots].flatMap(({ styleSheet }) =>
  styleSheet === undefined ? [] : [styleSheet],
)
const root = document.getElementById('console')
const session = createSession()
if (root !== null) startConsole(root, session, takeKeyFromAddress(session.read()))
