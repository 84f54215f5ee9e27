#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The program: runs the command line. */
import { prepareRuntime } from './cli/runtime.ts'

prepareRuntime(process.argv.slice(2), process.env)
// Loaded now, so that what was compiled by an earlier start is used.
const { runCommand } = await import('./cli/command.ts')
await runCommand(process.argv.slice(2), process.env)
