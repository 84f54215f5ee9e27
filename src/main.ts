#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The program: runs the command line. */
import { setFlagsFromString } from 'node:v8'
import { runCommand } from './cli/command.ts'

// V8 lets a heap grow to several times what is in use before it collects all of it, where the machine has memory. A large send to many would take
// hundreds of MB that way, and keep them.
setFlagsFromString('--heap-growing-percent=30')

await runCommand(process.argv.slice(2), process.env)
