/** The page's calls to the server. */
import type { Answers, CallName, ErrorAnswer, LiveEvent, Request } from '../api'

const token = new URLSearchParams(location.search).get('token') ?? ''
const authorization = `Bearer ${token}`

/** @throws Error with the message of the server */
export async function call<Name extends CallName>(name: Name, request: Request<Name>): Promise<Answers[Name]> {
  const response = await fetch(`/api/${name}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(request),
  }).catch(() => {
    throw new Error('xtables ui does not answer: it has ended, or the way to it is cut')
  })
  const answer: unknown = await response.json()
  if (!response.ok) throw new Error((answer as ErrorAnswer).error)
  return answer as Answers[Name]
}

/** The events of the stream. @throws Error, also if the stream is cut */
export async function* listen(signal: AbortSignal): AsyncGenerator<LiveEvent, void, void> {
  const response = await fetch('/api/live', { headers: { authorization }, signal })
  if (!response.ok || response.body === null) throw new Error(((await response.json()) as ErrorAnswer).error)
  // Some browsers in use cannot iterate over streams.
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const events = (rest + read.value).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) yield JSON.parse(event.slice('data: '.length)) as LiveEvent
  }
}
