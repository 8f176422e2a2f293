/** A browser to test pages in: Debian's chromium. */
import { spawnSync } from 'node:child_process'
import { type Browser, chromium, type Page } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

const path = NAMES.map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim()).find(Boolean)

/** Where there is none, tests are skipped; but not where all of them have to run (XTABLES_LIVE=1): there they fail. */
export const withBrowser = path === undefined && process.env['XTABLES_LIVE'] !== '1' ? describe.skip : describe

export function launch(): Promise<Browser> {
  if (path === undefined) throw new Error(`no browser is installed; any of ${NAMES.join(', ')} will do`)
  // The sandbox is not for root, nor for the root of a user namespace. The pages are ours.
  return chromium.launch({ executablePath: path, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** What a page complains of: errors, messages on its console, and what its policy forbids. */
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
