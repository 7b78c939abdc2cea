// A server whose machine is gone: nobody answers who connects, not even with a refusal, as at the address of a container
// that was killed. It is a process that listens and takes nobody in, behind a queue that is full.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import type { Server } from '../../src/domain/router.ts'

const LISTEN = `
  const server = require('node:net').createServer()
  server.listen({ host: process.argv[1], port: 0, backlog: 1 }, () => console.log(server.address().port))
`
/** Milliseconds in which this machine answers itself, if it does. */
const AT_ONCE = 500

export async function vanishedServer(t: ExecutionContext, address: string): Promise<Server> {
  const child = spawn(process.execPath, ['-e', LISTEN, address], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  })
  const [said] = await once(child.stdout, 'data')
  const port = Number(said)
  child.kill('SIGSTOP')
  const queue: Socket[] = []
  t.teardown(() => {
    for (const socket of queue) socket.destroy()
  })
  for (;;) {
    const socket = connect(port, address)
    socket.on('error', () => {})
    queue.push(socket)
    const answered = await Promise.race([
      once(socket, 'connect').then(() => true),
      delay(AT_ONCE).then(() => false),
    ])
    if (!answered) return { address, port }
  }
}
