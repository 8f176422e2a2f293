/** The page of `xtables ui` in a browser. */
import type { Browser, BrowserContextOptions, Page, Route } from 'playwright-core'
import { easy, type MemoryKernel, restore, save } from '../../src/index'
import type { UiOptions } from '../../src/ui/server'
import { complaintsOf, launch, withBrowser } from '../support/browser'
import { until } from '../support/until'
import { filterOf, kernelWith } from '../view/tables'
import { type Served, serve } from './serve'

jest.setTimeout(60_000)

const TEXT = `*filter
:INPUT DROP [311:24880]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:guard - [0:0]
:old - [0:0]
[912344:1238817121] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[40:2400] -A INPUT -p tcp -m tcp --dport 22 -j guard
[7:420] -A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT
[0:0] -A INPUT -s 192.0.2.0/24 -p udp -m udp --dport 53 -m comment --comment "names for the lab" -j ACCEPT
[0:0] -A guard -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable
[0:0] -A old -j DROP
COMMIT
`
const OTHER =
  '*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n'

withBrowser('the page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(() => browser.close())

  const opened: AsyncDisposable[] = []
  let complaints: string[] = []
  afterEach(async () => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })

  async function served(kernel: MemoryKernel, options: Partial<UiOptions> = {}): Promise<Served> {
    const one = await serve(kernel, options)
    opened.push(one)
    return one
  }

  async function open(server: Served, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    opened.push({ [Symbol.asyncDispose]: () => context.close() })
    complaints = complaintsOf(page)
    await page.goto(server.url)
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
    return page
  }

  const both = (): MemoryKernel => {
    const kernel = kernelWith(TEXT)
    restore(OTHER, { kernel, backend: 'legacy', ipv6: true })
    return kernel
  }

  const chain = (page: Page, name: string, table = 'filter of IPv4') =>
    page.getByRole('region', { name: table }).getByRole('region', { name: `chain ${name}`, exact: true })
  const rulesIn = async (page: Page): Promise<string[]> =>
    (await page.locator('#tables td.rule code:visible').allTextContents()).filter((text) => text.startsWith('-'))

  test('shows the tables of both families, with policies, counters and findings', async () => {
    const page = await open(await served(both()))
    const input = chain(page, 'INPUT')
    expect(await input.locator('header').textContent()).toBe('INPUTpolicy DROP311 packets, 24.88k bytes4 rules')
    expect(await input.getByRole('row').nth(1).getByRole('cell').allTextContents()).toEqual([
      ...['1', '', '912.34k', '1.24G', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'],
    ])
    expect(await input.locator('td.packets').first().getAttribute('title')).toBe('912 344 packets')
    expect(await chain(page, 'INPUT', 'filter of IPv6').locator('td.rule').allTextContents()).toEqual([
      '-i lo -j ACCEPT',
    ])
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toEqual([
      ...['filter IPv4, ip_tables', 'filter IPv6, ip_tables'],
    ])
    await chain(page, 'old').getByText('no rule leads to this chain from a built-in one').waitFor()
    // A jump links to its chain.
    await input.getByRole('button', { name: '→ guard' }).click()
    await page.waitForFunction('document.activeElement.textContent === "guard"')
    expect(complaints).toEqual([])
  })

  test('says if there are no tables', async () => {
    const page = await open(await served(kernelWith('')))
    await page.getByRole('heading', { name: 'No tables yet' }).waitFor()
    await page.getByRole('link', { name: 'Trace' }).click()
    await page.getByText('There are no tables of IPv4: every packet is accepted.').waitFor()
    expect(complaints).toEqual([])
  })

  test('updates when counters change, and when rules are added', async () => {
    const kernel = both()
    const page = await open(await served(kernel))
    const row = chain(page, 'INPUT').getByRole('row').nth(2)
    expect(await row.locator('.rate').textContent()).toBe('')
    const count = (packets: number): void => {
      const text = TEXT.replace('[40:2400]', `[${packets}:62400]`).replace('[311:', '[999:')
      restore(text, { kernel, backend: 'legacy', counters: true })
    }
    // A rate is shown until the next reading alone, so the rule counts on until the page was seen to show one.
    let packets = 100
    const counting = setInterval(() => count(packets++), 100)
    try {
      await row.locator('.rate').filter({ hasText: /^\d/ }).waitFor()
    } finally {
      clearInterval(counting)
    }
    count(1040)
    await row.locator('.packets').filter({ hasText: '1.04k' }).waitFor()
    await chain(page, 'INPUT').locator('header').getByText('999 packets').waitFor()
    // No more events arrive.
    await row.locator('.rate').filter({ hasText: /^$/ }).waitFor({ state: 'attached' })
    easy.addRule('filter', 'old', { protocol: 'tcp', target: 'ACCEPT' }, 0, { kernel, backend: 'legacy' })
    await chain(page, 'old').getByText('-p tcp -j ACCEPT').waitFor()
    expect(complaints).toEqual([])
  })

  test('keeps focus, selection and scroll position when other rules are added and deleted', async () => {
    const many = Array.from({ length: 60 }, (_, i) => `-A guard -s 10.1.0.${i}/32 -j DROP`)
    const kernel = kernelWith(TEXT.replace('COMMIT', `-A guard -s 10.1.0.0/16 -j DROP\n${many.join('\n')}\nCOMMIT`))
    const place = { kernel, backend: 'legacy' } as const
    const page = await open(await served(kernel))
    await page.getByText(/^lint finds/).waitFor()
    const example = chain(page, 'guard')
      .getByRole('row')
      .filter({ hasText: '10.1.0.30' })
      .getByRole('button', { name: 'trace an example' })
    await example.focus()
    const selected = await page.evaluate<string>(`(() => {
      const row = document.activeElement.closest('tr')
      row.isSame = true
      getSelection().selectAllChildren(row.querySelector('code'))
      return getSelection().toString()
    })()`)
    const top = (): Promise<number> => example.evaluate((one) => one.getBoundingClientRect().top)
    const before = await top()
    // A rule before it, one after it that is removed, a chain, a policy, and a table.
    easy.addRule('filter', 'INPUT', { protocol: 'udp', target: 'ACCEPT' }, 1, place)
    easy.addRule('filter', 'guard', { protocol: 'udp', target: 'ACCEPT' }, 1, place)
    easy.deleteRule('filter', 'guard', { source: '10.1.0.40', target: 'DROP' }, place)
    easy.addChain('filter', 'another', place)
    easy.setPolicy('filter', 'INPUT', 'ACCEPT', place)
    restore('*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n', { kernel, backend: 'legacy' })
    await page.getByRole('region', { name: 'mangle of IPv4' }).waitFor()
    await chain(page, 'another').waitFor()
    await chain(page, 'INPUT').getByText('policy ACCEPT').waitFor()
    expect(await chain(page, 'INPUT').locator('td.position').allTextContents()).toEqual(['1', '2', '3', '4', '5'])
    // Also after new findings of lint, and while a filter is active.
    await page.waitForTimeout(300)
    const state = (): Promise<unknown> =>
      page.evaluate(`[document.activeElement.textContent, document.activeElement.closest('tr')?.isSame,
        document.activeElement.closest('tr')?.querySelector('.position').textContent, getSelection().toString()]`)
    expect(await state()).toEqual(['trace an example', true, '34', selected])
    expect(Math.abs((await top()) - before)).toBeLessThan(60)
    expect(await chain(page, 'guard').getByRole('row').filter({ hasText: '10.1.0.40' }).count()).toBe(0)
    expect(await chain(page, 'guard').locator('header').textContent()).toContain('62 rules')
    expect(complaints).toEqual([])
  })

  test('is not updated while nobody looks', async () => {
    const server = await served(both())
    const page = await open(server)
    await page.close()
    // As long as somebody listens, the tables are read every tenth of a second.
    for (let readings = -1; readings !== server.readings(); ) {
      readings = server.readings()
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    expect(complaints).toEqual([])
  })

  test('finds rules by text, chain and comment', async () => {
    const page = await open(await served(both()))
    const all = await rulesIn(page)
    const [search, scope] = [
      page.getByRole('searchbox', { name: 'Search' }),
      page.getByRole('combobox', { name: 'in', exact: true }),
    ]
    const looked = async (words: string, where: string): Promise<string[]> => {
      await search.fill(words)
      await scope.selectOption(where)
      return rulesIn(page)
    }
    expect(all).toHaveLength(7)
    expect(await looked('DPORT 22', 'anything')).toEqual(all.filter((rule) => rule.includes('--dport 22')))
    expect(await looked('guard', 'rules')).toEqual(all.filter((rule) => rule.endsWith('guard')))
    expect(await looked('guard', 'chains')).toEqual(all.filter((rule) => rule.includes('203.0.113.9')))
    expect(await looked('guard', 'anything')).toHaveLength(2)
    expect(await looked('the lab', 'comments')).toEqual(all.filter((rule) => rule.includes('names for the lab')))
    expect(await looked('dport', 'comments')).toEqual([])
    await page.getByText('Nothing is found for “dport”.').waitFor()
    await looked('', 'anything')
    await page.getByRole('combobox', { name: 'Family' }).selectOption('IPv6')
    expect(await rulesIn(page)).toEqual(['-i lo -j ACCEPT'])
    await page.getByText('1 of 7 rules').waitFor()
    await page.getByRole('combobox', { name: 'Family' }).selectOption('both')
    await page.getByLabel('With findings').check()
    await chain(page, 'old').waitFor()
    expect(await chain(page, 'guard').isVisible()).toBe(false)
    expect(complaints).toEqual([])
  })

  test('traces a packet, with its path on the graph and both branches of unknown properties', async () => {
    const page = await open(await served(both()))
    await page.getByRole('link', { name: 'Trace' }).click()
    await page.getByText('Chains and jumps').waitFor()
    expect(await page.locator('.box.met, .arrow.met').count()).toBe(0)
    const form = page.getByRole('form', { name: 'packet' })
    await form.getByLabel('Where it goes').selectOption('to this host')
    await form.getByLabel('Protocol').fill('tcp')
    await form.getByLabel('Source', { exact: true }).fill('198.51.100.7')
    await form.getByLabel('Destination port').fill('22')
    await form.getByLabel('Connection state').selectOption('NEW')
    await form.getByRole('button', { name: 'Trace' }).click()
    const verdict = page.locator('.verdict')
    await verdict.filter({ hasText: 'ACCEPT' }).waitFor()
    await page.getByText('on this way; all ways: ACCEPT, DROP').waitFor()
    const met = async (): Promise<(string | null)[][]> => [
      await page.locator('svg .box.met').evaluateAll((all) => all.map((one) => one.getAttribute('data-chain'))),
      await page.locator('svg .box.end').evaluateAll((all) => all.map((one) => one.getAttribute('class'))),
      await page.locator('svg .arrow.met title').allTextContents(),
      await page.locator('.steps .met code').allTextContents(),
    ]
    const jump = ['INPUT to guard: jump by rule 2: 40 packets, 2400 bytes']
    expect(await met()).toEqual([
      ['INPUT', 'guard'],
      ['box built-in met end accept'],
      jump,
      ['-p tcp -m tcp --dport 22 -j guard', '-p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT'],
    ])
    const fork = page.getByRole('group', { name: 'Not known: --limit 3/min' })
    await fork.getByRole('radio', { name: 'it is not' }).check()
    await verdict.filter({ hasText: 'DROP' }).waitFor()
    expect(await met()).toEqual([
      ['INPUT', 'guard'],
      ['box built-in met end drop'],
      jump,
      ['-p tcp -m tcp --dport 22 -j guard'],
    ])
    expect(await page.locator('.steps .failed').count()).toBe(0)
    await page.getByLabel('Also those that it fails, and why').check()
    await page.getByText('fails: -s 203.0.113.9/32; the packet has -s 198.51.100.7/32').waitFor()
    // The rules on its path are marked in the tables, too.
    await page.getByRole('link', { name: 'Tables' }).click()
    expect(await page.locator('#tables tr.met td.rule code').allTextContents()).toEqual([
      '-p tcp -m tcp --dport 22 -j guard',
    ])
    await page.getByRole('button', { name: 'clear' }).click()
    expect(await page.locator('#tables tr.met').count()).toBe(0)
    // A box links to its chain.
    await page.getByRole('link', { name: 'Trace' }).click()
    await page.locator('svg a[data-chain=guard]').click()
    await chain(page, 'guard').waitFor()
    expect(complaints).toEqual([])
  })

  test('shows errors in a packet', async () => {
    const page = await open(await served(both()))
    const drawings: Route[] = []
    await page.route('**/api/graph', (route) => void drawings.push(route))
    await page.getByRole('link', { name: 'Trace' }).click()
    const form = page.getByRole('form', { name: 'packet' })
    await form.getByLabel('Destination port').fill('ssh')
    await form.getByRole('button', { name: 'Trace' }).click()
    const refusal = page.getByRole('alert').filter({ hasText: 'Destination port must be a number, not ssh' })
    await refusal.waitFor()
    // The drawing of the chains, which comes late, does not replace it.
    const drawn = page.waitForResponse('**/api/graph')
    await until('the drawing is asked for', () => drawings.length > 0)
    await drawings[0]?.continue()
    await (await drawn).finished()
    await page.waitForTimeout(100)
    expect(await refusal.count()).toBe(1)
    expect(complaints).toEqual([])
    await form.getByLabel('Destination port').fill('99999')
    await form.getByRole('button', { name: 'Trace' }).click()
    await page
      .getByRole('alert')
      .filter({ hasText: 'the option destinationPort takes a whole number from 0 to 65535' })
      .waitFor()
    // The browser reports every response with an error status.
    expect(complaints.splice(0)).toEqual([expect.stringContaining('status of 400')])
  })

  test('shows the example of a finding', async () => {
    const kernel = kernelWith(filterOf('-A INPUT -s 10.0.0.0/8 -j DROP', '-A INPUT -s 10.1.0.0/16 -p tcp -j ACCEPT'))
    const page = await open(await served(kernel))
    await page.getByText('rule 1 takes every packet that would meet this one').waitFor()
    await page.getByRole('button', { name: 'trace an example' }).first().click()
    await page.locator('.steps .met code').getByText('-s 10.0.0.0/8 -j DROP').first().waitFor()
    expect(complaints).toEqual([])
  })

  const DESIRED =
    '*filter\n:guard - [0:0]\n:guard2 - [0:0]\n-A guard -s 203.0.113.0/24 -j guard2\n-A guard2 -j DROP\nCOMMIT\n'

  async function askForPlan(page: Page, names = 'guard guard2'): Promise<void> {
    await page.getByRole('link', { name: 'Plan' }).click()
    await page.getByRole('textbox', { name: /^Desired state/ }).fill(DESIRED)
    await page.getByLabel('Yours are').selectOption({ label: 'chains by name' })
    await page.getByRole('textbox', { name: 'Prefix, or names' }).fill(names)
    await page.getByRole('button', { name: 'Show the plan' }).click()
  }
  const textOf = (kernel: MemoryKernel): string =>
    save({ kernel, backend: 'legacy', counters: true }).replace(/^#.*/gm, '')

  test('shows a plan, applies it after confirmation, and rolls it back', async () => {
    const kernel = both()
    const page = await open(await served(kernel, { mayApply: true }))
    const before = textOf(kernel)
    await askForPlan(page, '')
    await page.getByRole('alert').filter({ hasText: 'say which chains are yours' }).waitFor()
    await askForPlan(page)
    const diff = page.getByLabel('plan', { exact: true })
    await diff.waitFor()
    // The jump from INPUT is ours, and is not desired.
    expect(
      await diff.locator('span').evaluateAll((all) => all.map((one) => `${one.className} ${one.textContent}`)),
    ).toEqual([
      'stays *filter',
      'stays  :INPUT',
      'goes -  2: -p tcp -m tcp --dport 22 -j guard',
      'stays  :guard',
      'goes -  1: -s 203.0.113.9/32 -j REJECT --reject-with icmp-port-unreachable',
      'comes +  1: -s 203.0.113.0/24 -j guard2',
      'comes +:guard2',
      'comes +  1: -j DROP',
    ])
    const dialog = page.getByRole('dialog')
    await page.getByRole('button', { name: 'Apply …' }).click()
    await dialog.getByText('Make 5 changes to the IPv4 tables of this machine?').waitFor()
    await dialog.getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('button', { name: 'Apply …' }).click()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(textOf(kernel)).toBe(before)
    await page.getByRole('button', { name: 'Apply …' }).click()
    await dialog.getByRole('button', { name: 'Apply', exact: true }).click()
    await page.getByText('Done: the tables are as planned.').waitFor()
    expect(textOf(kernel)).toContain('-A guard -s 203.0.113.0/24 -j guard2')
    await page.getByRole('button', { name: 'Take it back …' }).click()
    await dialog.getByRole('button', { name: 'Apply', exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
    // In the plan that takes it back, this goes. In the plan that would make the changes again, it comes.
    await diff.locator('.comes').filter({ hasText: '-s 203.0.113.0/24' }).waitFor()
    expect(textOf(kernel)).toBe(before)
    expect(complaints).toEqual([])
  })

  test('is read-only, unless it was started with --allow-apply', async () => {
    const page = await open(await served(both()))
    await page.getByText('(reading only)').waitFor()
    await askForPlan(page)
    await page.getByText('This page only reads').waitFor()
    expect(await page.getByRole('button', { name: /Apply/ }).count()).toBe(0)
  })

  test('reads a desired state from a file, too', async () => {
    const page = await open(await served(both()))
    await page.getByRole('link', { name: 'Plan' }).click()
    await page
      .getByLabel('or from a file')
      .setInputFiles({ name: 'rules', mimeType: 'text/plain', buffer: Buffer.from(DESIRED) })
    await page.waitForFunction(`document.querySelector('textarea').value.startsWith('*filter')`)
    expect(complaints).toEqual([])
  })

  /** Text that would run, load or show something if it was parsed as HTML, or that would change the text direction. */
  const HOSTILE = [
    ...['<img/src=x/onerror=hit()>', '<script>hit()</script>', '"><svg/onload=hit()>', "'onclick='hit()"],
    ...['javascript:hit()', '</code><b>bold', '{{token}}', '\u202ereversed', 'a\x1b[31mred', '<!--'],
  ]

  test('does not execute anything in chains and comments', async () => {
    const kernel = kernelWith(filterOf())
    const place = { kernel, backend: 'legacy' } as const
    for (const name of HOSTILE) {
      const comment = `${name} <img src=x onerror=hit()>`
      easy.addChain('filter', name, place)
      easy.addRule('filter', 'INPUT', { comment: { comment }, target: name }, 0, place)
      easy.addRule('filter', name, { target: 'DROP' }, 0, place)
    }
    const server = await served(kernel, { mayApply: true })
    const context = await browser.newContext()
    opened.push({ [Symbol.asyncDispose]: () => context.close() })
    const page = await context.newPage()
    complaints = complaintsOf(page)
    const requested: string[] = []
    page.on('request', (request) => requested.push(new URL(request.url()).pathname))
    await page.addInitScript('globalThis.hit = () => console.error("hit")')
    await page.goto(server.url)
    await chain(page, 'INPUT').getByText('<img src=x onerror=hit()>').first().waitFor()
    await page.getByText(/^lint finds/).waitFor()
    const names = await page.locator('#tables section[aria-label="filter of IPv4"] h3').allTextContents()
    expect(names).toEqual(
      expect.arrayContaining(HOSTILE.map((name) => name.replace('\u202e', '\\u202e').replace('\x1b', '\\x1b'))),
    )
    for (const button of await chain(page, 'INPUT').getByRole('button', { name: /^→/ }).all()) await button.click()
    // In the graph, the trace and its forks:
    await page.getByRole('link', { name: 'Trace' }).click()
    await page.locator('svg .box').nth(HOSTILE.length).waitFor()
    const form = page.getByRole('form', { name: 'packet' })
    await form.getByLabel('Where it goes').selectOption('to this host')
    await form.getByRole('button', { name: 'Trace' }).click()
    await page.locator('.verdict').waitFor()
    await page.getByLabel('Also those that it fails, and why').check()
    await form.getByLabel('Protocol').fill('<img src=x onerror=hit()>')
    await form.getByRole('button', { name: 'Trace' }).click()
    await page.getByRole('alert').filter({ hasText: '<img src=x' }).waitFor()
    // In plans, and in their errors:
    await page.getByRole('link', { name: 'Plan' }).click()
    await page.getByLabel('Yours are').selectOption({ label: 'whole tables' })
    await page
      .getByRole('textbox', { name: /^Desired state/ })
      .fill(`{"filter":{"<b>x</b>":["-m comment --comment <script>hit()</script> -j DROP"]}}`)
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.locator('.diff').waitFor()
    expect(await page.locator('.diff span').allTextContents()).toContain('+:<b>x</b>')
    await page
      .getByRole('textbox', { name: /^Desired state/ })
      .fill('*filter\n-A INPUT -p <img/src=x/onerror=hit()> -j DROP\nCOMMIT\n')
    await page.getByRole('button', { name: 'Show the plan' }).click()
    await page.getByRole('alert').filter({ hasText: '<img/src=x' }).waitFor()
    expect(await page.locator('main img, main script, main b, main iframe, main object, main style').count()).toBe(0)
    expect(await page.locator('main [onerror], main [onload], main [onclick], main a[href^=javascript]').count()).toBe(
      0,
    )
    expect(new Set(requested)).toEqual(
      new Set([
        '/',
        '/page.css',
        '/page.js',
        ...['about', 'live', 'findings', 'graph', 'trace', 'plan'].map((name) => `/api/${name}`),
      ]),
    )
    expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([])
  })

  test('its content security policy forbids scripts and HTML that a bug might insert', async () => {
    const page = await open(await served(both()))
    const said: string = await page.evaluate(`(() => {
      try { document.querySelector('main').innerHTML = '<img src=x onerror=hit()>'; return 'done' } catch (error) { return error.name }
    })()`)
    expect(said).toBe('TypeError')
    await page.evaluate(`(() => {
      const script = document.createElement('script')
      try { script.textContent = 'globalThis.isHit = true' } catch { return }
      document.body.append(script)
    })()`)
    expect(await page.evaluate('globalThis.isHit')).toBeUndefined()
  })

  test.each([
    ['light', 1280],
    ['dark', 1280],
    ['dark', 400],
    ['light', 400],
  ] as const)('is readable %s, %i wide, by keyboard', async (colorScheme, width) => {
    const page = await open(await served(both()), { colorScheme, viewport: { width, height: 800 } })
    const colours: [string, string] = await page.evaluate(
      `[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]`,
    )
    const brightness = (colour: string): number =>
      (colour.match(/\d+/g) ?? []).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)
    const [ground, text] = colours.map(brightness) as [number, number]
    expect(colorScheme === 'dark' ? text - ground : ground - text).toBeGreaterThan(400)
    for (const view of ['Tables', 'Trace', 'Plan']) {
      await page.getByRole('link', { name: view }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('region', { name: view, exact: true }).waitFor()
      expect(await page.getByRole('link', { name: view }).getAttribute('aria-current')).toBe('page')
      if (view === 'Trace') await page.locator('svg').first().waitFor()
      // Nothing overflows horizontally.
      expect([view, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([view, width])
      expect(await unlabelled(page)).toEqual([])
    }
    expect(complaints).toEqual([])
  })

  /** Controls without an accessible name. */
  const unlabelled = (page: Page): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('input, select, textarea, button')]
      .filter((one) => one.checkVisibility() && !(one.labels?.length > 0) && !one.ariaLabel && !one.textContent.trim())
      .map((one) => one.outerHTML)`)

  test('updates in a browser that cannot iterate streams', async () => {
    const page = await browser.newPage()
    opened.push({ [Symbol.asyncDispose]: () => page.close() })
    await page.addInitScript('delete ReadableStream.prototype[Symbol.asyncIterator]')
    await page.goto((await served(both())).url)
    await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
    await chain(page, 'INPUT').waitFor()
  })

  test('says when the command has ended, and reconnects when it runs again', async () => {
    const server = await served(both())
    const page = await open(server)
    await server[Symbol.asyncDispose]()
    await page.getByRole('status').filter({ hasText: 'not live' }).waitFor()
  })
})
