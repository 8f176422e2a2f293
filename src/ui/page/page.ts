/** The entry point of the page: connects its views with the server. */
import { setText, show } from './dom'
import { PlanView } from './plan'
import { call, listen } from './server'
import { TablesView } from './tables'
import { TraceView } from './trace'

const byId = (id: string): HTMLElement => document.getElementById(id) as HTMLElement

const VIEWS = ['tables', 'trace', 'plan'] as const

const [status, host] = [byId('status'), byId('host')]

const tables = new TablesView(byId('tables'), {
  trace(family, packet) {
    location.hash = '#trace'
    void trace.trace(family, packet)
  },
  lint: (evenOfMany) => void lint(evenOfMany),
})
const trace = new TraceView(byId('trace'), {
  reveal: (family, table, chain) => tables.reveal(family, table, chain),
  mark: (rules) => tables.mark(rules),
})
const plan = new PlanView(byId('plan'))

function route(): void {
  const name = VIEWS.find((view) => `#${view}` === location.hash) ?? 'tables'
  for (const view of VIEWS) {
    byId(view).hidden = view !== name
    const link = document.querySelector(`nav a[href="#${view}"]`)
    if (view === name) link?.setAttribute('aria-current', 'page')
    else link?.removeAttribute('aria-current')
  }
  if (name === 'trace') trace.open()
}
addEventListener('hashchange', route)
route()

function tell(text: string, kind: 'live' | 'paused' | 'error'): void {
  status.className = kind
  setText(status, text)
}

async function lint(evenOfMany: boolean): Promise<void> {
  const { rules, findings } = await call('findings', { evenOfMany })
  tables.setFindings(rules, findings)
}

/** Shows the events of the stream until it ends or is aborted. */
async function follow(signal: AbortSignal): Promise<void> {
  for await (const event of listen(signal)) {
    if (event.kind === 'failed') {
      tell(event.error, 'error')
      continue
    }
    tell('live', 'live')
    if (event.kind === 'counters') tables.setCounters(event)
    else {
      tables.setTables(event.tables)
      lint(false).catch((error: Error) => tell(error.message, 'error'))
    }
  }
}

const RETRY_MS = 2000

const visible = (): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
    look()
  })

/** Keeps the stream open while the page is visible: the server reads the tables only while it has listeners. */
async function live(): Promise<never> {
  for (;;) {
    await visible()
    const end = new AbortController()
    const hide = (): void => {
      if (document.hidden) end.abort()
    }
    document.addEventListener('visibilitychange', hide)
    try {
      await follow(end.signal)
      throw new Error('the stream has ended')
    } catch (error) {
      if (end.signal.aborted) tell('paused', 'paused')
      else {
        tell(`not live: ${(error as Error).message}`, 'error')
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    } finally {
      document.removeEventListener('visibilitychange', hide)
    }
  }
}

async function begin(): Promise<void> {
  const about = await call('about', {})
  document.title = `xtables ${about.host}`
  show(host, about.host, about.mayApply ? '' : ' (reading only)')
  plan.mayApply = about.mayApply
}

begin().catch((error: Error) => tell(error.message, 'error'))
void live()
