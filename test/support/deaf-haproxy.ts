// Stands between the gateway and the socket of an HAProxy, and answers some commands as HAProxy does without handing them
// on: what an HAProxy is like that was told something and does not do it.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'

export interface DeafHaproxy {
  /** To be given in place of the master's own. */
  readonly socket: string
  /** Commands that it takes and forgets from now on, null for none. */
  deafTo: RegExp | null
}

/** @param master its socket */
export async function deafHaproxy(t: ExecutionContext, master: string): Promise<DeafHaproxy> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-deaf-'))
  const deaf: DeafHaproxy = { socket: join(directory, 'deaf.sock'), deafTo: null }
  const sockets = new Set<Socket>()
  // A command comes only when the one before was answered, so that no two of them are in one piece.
  const server = createServer(asking => {
    const asked = connect(master)
    asking.on('data', command => {
      if (deaf.deafTo?.test(`${command}`)) asking.write('\n')
      else asked.write(command)
    })
    asked.on('data', answer => asking.write(answer))
    for (const [one, other] of [
      [asking, asked],
      [asked, asking],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('end', () => other.end())
      one.on('close', () => other.destroy())
    }
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  server.listen(deaf.socket)
  await once(server, 'listening')
  return deaf
}
