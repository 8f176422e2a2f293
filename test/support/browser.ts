/** A browser for testing pages: Debian's chromium. */
import { spawnSync } from 'node:child_process'
import { type Browser, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const path = NAMES.map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()).find(Boolean)

/** Without a browser, tests are skipped; with XTABLES_LIVE=1, they fail instead. */
export const withBrowser = path === undefined && process.env['XTABLES_LIVE'] !== '1' ? describe.skip : describe

export function launch(): Promise<Browser> {
  if (path === undefined) throw new Error(`no browser is installed; any of ${NAMES.join(', ')} will do`)
  // The sandbox does not work for root, or for root of a user namespace. We only load our own pages.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** Collects the problems of a page: errors, console messages, and violations of its content security policy. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`))
  return complaints
}
