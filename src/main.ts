#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The program: runs the command line. */
import { setFlagsFromString } from 'node:v8'
import { prepareRuntime } from './cli/runtime.ts'

prepareRuntime(process.argv.slice(2), process.env)
// V8 lets a heap grow to several times what is in use before it collects all of it, where the machine has memory. A large send to many would take
// hundreds of MB that way, and keep them while it lasts.
setFlagsFromString('--heap-growing-percent=30')
// Loaded now, so that what was compiled by an earlier start is used.
const { runCommand } = await import('./cli/command.ts')
await runCommand(process.argv.slice(2), process.env)
