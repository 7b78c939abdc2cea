// Talks to a container, over two connections that the engine turns into pipes: one that is only written to and one that
// is only read. On a single one the end of a program that does not read all its input would break the writing, and with
// it what is still to be read. The client library's own way of taking output apart never ends and waits for nobody.
import { once } from 'node:events'
import { Duplex, type Readable, type Writable } from 'node:stream'
import type Docker from 'dockerode'
import type { Engine, Talk } from '../../domain/engine.ts'
import { readChunks } from '../chunks.ts'
import type { Connection } from './connect.ts'
import { frameReader } from './frames.ts'
import { ownContainer } from './own.ts'
import { accept, engineFailed } from './translate.ts'

/** What the key Ctrl-D sends. */
const END_OF_TRANSMISSION = '\x04'

export function attachment(connection: Connection, gatewayId: string): Pick<Engine, 'attach' | 'resize'> {
  const { call, stack } = connection
  const owner = { gatewayId, stack: stack.name }

  return {
    async attach(id, talk, signal) {
      const doing = `talk to container ${id.slice(0, 12)}`
      const { pipes, hasTerminal } = await call(
        doing,
        async docker => {
          const found = await ownContainer(docker, id, owner, signal)
          if (found === null) throw engineFailed(doing, 'It is gone', stack.name)
          return { pipes: await openPipes(docker, found.Id, signal), hasTerminal: found.Config.Tty }
        },
        signal,
      )
      const ended = converse(pipes, hasTerminal, talk, signal)
      ended.catch(() => {}) // Whoever asked may look at it later, or never when the start fails.
      return { ended }
    },

    resize(id, { columns, rows }, signal) {
      return call(
        `resize the terminal of container ${id.slice(0, 12)}`,
        async docker => {
          if ((await ownContainer(docker, id, owner, signal)) === null) return
          await docker
            .getContainer(id)
            .resize({ w: columns, h: rows, abortSignal: signal })
            // 500 is what 20.10 says of a container that has stopped meanwhile.
            .catch(accept(404, 409, 500))
        },
        signal,
      )
    },
  }
}

interface Pipes {
  readonly input: Duplex
  readonly output: Duplex
}

/** Both or none: a program whose input is not there would wait for ever. */
async function openPipes(docker: Docker, id: string, signal: AbortSignal): Promise<Pipes> {
  const output = await openPipe(docker, id, 'stdout=1&stderr=1', signal)
  try {
    return { output, input: await openPipe(docker, id, 'stdin=1', signal) }
  } catch (error) {
    output.destroy()
    throw error
  }
}

/**
 * Keys with which somebody at a terminal would leave the container and let it run. Bytes that are in no UTF-8 text: the
 * default begins with Ctrl-P, which the engine would hold back until the next key.
 */
const NO_DETACH_KEYS = '%FF%2C%FE%2C%FF%2C%FE'

/** Nothing is sent behind the request's headers: the engine would take it for the program's standard input. */
function openPipe(docker: Docker, id: string, streams: string, signal: AbortSignal): Promise<Duplex> {
  const dial = {
    method: 'POST',
    // The library takes the last character away.
    path: `/containers/${id}/attach?stream=1&${streams}&detachKeys=${NO_DETACH_KEYS}&`,
    options: {},
    file: Buffer.alloc(0),
    hijack: true,
    isStream: true,
    abortSignal: signal,
    statusCodes: { 101: true },
  }
  return new Promise((resolve, reject) => {
    docker.modem.dial(dial as never, (error: unknown, answer: unknown) => {
      if (error) reject(error)
      else if (answer instanceof Duplex) resolve(answer)
      else reject(new TypeError('the engine answered an attach with no connection'))
    })
  })
}

async function converse(
  { input, output }: Pipes,
  hasTerminal: boolean,
  talk: Talk,
  signal: AbortSignal,
): Promise<void> {
  const stop = feed(talk.stdin, input, hasTerminal)
  const read = frameReader()
  try {
    for await (const chunk of readChunks(output, signal)) {
      const pieces = hasTerminal ? [{ channel: 'stdout', bytes: chunk } as const] : read(chunk)
      for (const { channel, bytes } of pieces) await hand(talk[channel], bytes, signal)
    }
    signal.throwIfAborted()
  } finally {
    stop()
    input.destroy()
    output.destroy()
  }
}

/** @returns stops it; what was not read stays in `stdin` */
function feed(stdin: Readable, input: Duplex, hasTerminal: boolean): () => void {
  const end = () => {
    if (hasTerminal) input.write(END_OF_TRANSMISSION)
    else input.end()
  }
  // A program may end without reading all of it; that it has ended is told by its output.
  input.on('error', () => {})
  input.resume()
  stdin.pipe(input, { end: false })
  if (stdin.readableEnded) end()
  else stdin.once('end', end)
  return () => {
    stdin.unpipe(input)
    stdin.off('end', end)
  }
}

async function hand(output: Writable, bytes: Buffer, signal: AbortSignal): Promise<void> {
  if (output.write(bytes) || output.destroyed) return
  try {
    await once(output, 'drain', { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
