#!/usr/bin/env -S node --disable-warning=ExperimentalWarning
/** The program: runs the command line. */
import { runCommand } from './cli/command.ts'

await runCommand(process.argv.slice(2), process.env)
