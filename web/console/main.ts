/** The console's entry: nothing but a start. */
import { startConsole } from './app.ts'
import { createSession, takeKeyFromAddress } from './session.ts'
import { base } from './style.ts'
import { forms } from './style-forms.ts'
import { frame } from './style-frame.ts'
import { details } from './style-pages.ts'
import { parts } from './style-parts.ts'
import { plots } from './style-plot.ts'

document.adoptedStyleSheets = [base, frame, parts, forms, details, plots].flatMap(({ styleSheet }) =>
  styleSheet === undefined ? [] : [styleSheet],
)
const root = document.getElementById('console')
if (root !== null) startConsole(root, createSession(), takeKeyFromAddress())
