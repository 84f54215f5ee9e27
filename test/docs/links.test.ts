/** Every link from one page to another leads somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../helpers/guide.ts'

const pages = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'web/inbox/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const read = (page: string): string => readFileSync(join(root, page), 'utf8')
/** Without code, which may look like links. */
const prose = (text: string): string => text.replaceAll(/^( *)```.*?^\1```$/gms, '').replaceAll(/`[^`\n]*`/g, '')
/** How a heading is called in a link: lower case, spaces as hyphens, other signs left out. */
const anchors = (text: string): string[] =>
  [...text.replaceAll(/^( *)```.*?^\1```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )

const links = pages.flatMap((page) =>
  [...prose(read(page)).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(([, markdown, html]) => ({
    page,
    to: markdown ?? html ?? '',
  })),
)

it('sees the links', () => {
  expect(links.length).toBeGreaterThan(5)
})

it('every relative link in README and docs leads to a file, and to a heading where it names one', () => {
  const broken = links.filter(({ page, to }) => {
    if (/^[a-z]+:/.test(to)) return false
    const [path = '', anchor] = to.split('#')
    const target = path === '' ? page : normalize(join(dirname(page), path))
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && target.endsWith('.md') && !anchors(read(target)).includes(anchor)
  })
  expect(broken).toEqual([])
})

it('every page in docs is linked from README', () => {
  const linked = links.filter(({ page }) => page === 'README.md').map(({ to }) => to.split('#')[0])
  expect(pages.filter((page) => page.startsWith('docs/') && !linked.includes(page))).toEqual([])
})
