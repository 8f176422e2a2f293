/** `xtables ui` as a process, in a browser, with packets that Linux counts. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { bundlePage } from '../../scripts/bundle-page'
import { complaintsOf, launch, withBrowser } from '../support/browser'
import { bundledCommand } from '../support/bundle'

jest.setTimeout(60_000)

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' })

async function send(count: number): Promise<void> {
  const socket = createSocket('udp4')
  for (let i = 0; i < count; i++)
    await new Promise<void>((resolve) => socket.send('x', 9, '127.0.0.1', () => resolve()))
  socket.close()
}

withBrowser('the page', () => {
  let browser: Browser
  beforeAll(async () => {
    run('ip', 'link', 'set', 'lo', 'up')
    // The command looks for the page next to itself.
    bundlePage(join(bundledCommand(), '../page'))
    browser = await launch()
  })
  afterAll(() => browser.close())

  const processes: ChildProcess[] = []
  afterEach(() => {
    for (const one of processes.splice(0)) one.kill('SIGKILL')
  })

  /** @returns the running command, and its page */
  async function open(
    backend: string,
    ...words: string[]
  ): Promise<{ command: ChildProcess; page: Page; complaints: string[] }> {
    const command = spawn(process.execPath, [bundledCommand(), '--backend', backend, 'ui', '-d', '0.2', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    processes.push(command)
    const [url] = await once(command.stdout as NodeJS.ReadableStream, 'data')
    const page = await browser.newPage()
    const complaints = complaintsOf(page)
    await page.goto(String(url).trim())
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
    return { command, page, complaints }
  }

  test.each(['legacy', 'nft'])('shows the counters of %s, and applies a plan', async (backend) => {
    const iptables = (...args: string[]): string => run(`iptables-${backend}`, ...args)
    iptables('-A', 'INPUT', '-p', 'udp', '--dport', '9', '-m', 'comment', '--comment', '<b>discard</b>', '-j', 'DROP')
    const { command, page, complaints } = await open(backend, '--allow-apply')
    const row = page.getByRole('row').filter({ hasText: '<b>discard</b>' })
    await row.waitFor()
    expect(await row.locator('.rate').textContent()).toBe('')
    // A rate is shown for one reading, and a busy machine may poll only before and after it.
    const rates = await row.locator('.rate').evaluateHandle((cell) => {
      const { MutationObserver } = cell.ownerDocument.defaultView
      const seen: string[] = []
      new MutationObserver(() => seen.push(cell.textContent)).observe(cell, {
        childList: true,
        characterData: true,
        subtree: true,
      })
      return seen
    })
    await send(321)
    await page.waitForFunction((seen) => seen.some((rate) => /^\d/.test(rate)), rates)
    await row.locator('.packets[title="321 packets"]').waitFor()
    expect(iptables('-S', 'INPUT', '-v')).toContain('-c 321 ')
    await page.getByRole('link', { name: 'Plan' }).click()
    await page
      .getByRole('textbox', { name: /^Desired state/ })
      .fill('*filter\n:ui-new - [0:0]\n-A ui-new -s 192.0.2.1 -j DROP\nCOMMIT\n')
    await page.getByRole('textbox', { name: 'Prefix, or names' }).fill('ui-')
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('button', { name: 'Apply …' }).click()
    expect(iptables('-S')).not.toContain('ui-new')
    await page.getByRole('dialog').getByRole('button', { name: 'Apply', exact: true }).click()
    await page.getByText('Done: the tables are as planned.').waitFor()
    expect(iptables('-S', 'ui-new')).toBe('-N ui-new\n-A ui-new -s 192.0.2.1/32 -j DROP\n')
    expect(iptables('-S', 'INPUT', '-v')).toContain('-c 321 ')
    await page.getByRole('link', { name: 'Tables' }).click()
    await page.getByRole('region', { name: 'chain ui-new' }).waitFor()
    expect(complaints).toEqual([])
    // While the page is open, with its event stream.
    const signal = backend === 'legacy' ? 'SIGINT' : 'SIGTERM'
    command.kill(signal)
    expect(await once(command, 'exit')).toEqual([0, null])
  })
})
