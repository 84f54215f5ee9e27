/** The command line: `carillon [verb] [flags]`, one file a verb. A verb's code is loaded when it is called. */
import { ConfigError } from '../config.ts'
import { type Call, loadVerb, UsageError, type VerbEntry } from './verb.ts'

/** Every verb. Without one, it is `start`. */
export const verbs: Readonly<Record<string, VerbEntry>> = {
  start: { summary: 'start the server (default)', load: async () => (await import('./start.ts')).start },
  demo: {
    summary: 'send notifications to the server of this folder, and print what arrives',
    load: async () => (await import('./demo.ts')).demo,
  },
  reseal: {
    summary: 'encrypt stored secrets with the first of several in CARILLON_SECRET',
    load: async () => (await import('./reseal.ts')).reseal,
  },
  help: { summary: 'print this, or the help of a verb', load: async () => (await import('./help.ts')).createHelp(verbs) },
  version: { summary: 'print the version', load: async () => (await import('./version.ts')).version },
}

const asksForHelp = (args: readonly string[]): boolean => args.includes('--help') || args.includes('-h')

async function run(args: readonly string[], env: Call['env']): Promise<void> {
  const [first = ''] = args
  const isVerb = first !== '' && !first.startsWith('-')
  const name = isVerb ? first : asksForHelp(args) ? 'help' : first === '--version' ? 'version' : 'start'
  const verb = await loadVerb(verbs, name)
  if (isVerb && asksForHelp(args)) process.stdout.write(verb.help())
  else await verb.run({ args: isVerb ? args.slice(1) : name === 'start' ? args : [], env })
}

/** Runs the command line. A failure is printed in one line; the process ends with 2 if the call or the settings are wrong, else with 1. */
export async function runCommand(args: readonly string[], env: Call['env']): Promise<void> {
  try {
    await run(args, env)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(error instanceof UsageError || error instanceof ConfigError ? 2 : 1)
  }
}
