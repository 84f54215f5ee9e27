/** How to call a verb from where this runs: by the package's command where it is installed, by npm's scripts in a clone. */
const isClone = import.meta.filename.endsWith('.ts')

/** The line to type for a verb. `flags`: what follows it. */
export function commandOf(verb: 'start' | 'demo', flags = ''): string {
  if (!isClone) return ['npx carillon', verb === 'start' ? '' : verb, flags].filter((part) => part !== '').join(' ')
  return `${verb === 'start' ? 'npm start' : 'npm run demo'}${flags === '' ? '' : ` -- ${flags}`}`
}
