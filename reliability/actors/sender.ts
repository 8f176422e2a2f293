/** Traffic through the rules: datagrams to nobody, over the loopback interface. */
import { createSocket } from 'node:dgram'

/** Sends until its standard input ends, and prints how many datagrams that were. */
export function send(): void {
  const socket = createSocket('udp4')
  let sent = 0
  let stopped = false
  process.stdin.on('end', () => {
    stopped = true
  })
  process.stdin.resume()
  // Refusals of datagrams before: nobody listens.
  socket.on('error', () => {})
  const next = (): void => {
    if (stopped) {
      socket.close()
      process.stdout.write(JSON.stringify(sent))
      return
    }
    socket.send('x', 9, '127.0.0.1', () => {
      sent++
      if (sent % 16 === 0) setImmediate(next)
      else next()
    })
  }
  next()
}
