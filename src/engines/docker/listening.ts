// Where a container listens, read from the kernel of this machine: the engine itself does not know.
import { readFile } from 'node:fs/promises'
import type { Listener } from '../../domain/container.ts'
import type { Engine } from '../../domain/engine.ts'
import type { Connection } from './connect.ts'
import { ownContainer } from './own.ts'

export function listening(connection: Connection, gatewayId: string): Pick<Engine, 'listening'> {
  const { call, stack } = connection
  const owner = { gatewayId, stack: stack.name }
  return {
    listening(id, signal) {
      return call(
        `see where container ${id.slice(0, 12)} listens`,
        async docker => {
          const found = await ownContainer(docker, id, owner, signal)
          if (!found?.State.Running || stack.engine.kind !== 'unix') return null
          return listenersOf(found.State.Pid, found.Id, signal).catch(() => null)
        },
        signal,
      )
    },
  }
}

/** Null where that process is another here than the engine means: it may count its processes apart from us. */
async function listenersOf(
  pid: number,
  containerId: string,
  signal: AbortSignal,
): Promise<Listener[] | null> {
  const read = (name: string) => readFile(`/proc/${pid}/${name}`, { encoding: 'latin1', signal })
  if (!(await read('cgroup')).includes(containerId)) return null
  return [...parseListeners(await read('net/tcp')), ...parseListeners(await read('net/tcp6').catch(() => ''))]
}

/** The kernel's own word for a socket that listens. */
const LISTENS = '0A'
/** Where the engine answers names, in every container. */
const NAME_SERVER = '127.0.0.11'

/** @param table `/proc/net/tcp` or `tcp6`: addresses are hexadecimal words in the byte order of the machine */
export function parseListeners(table: string): Listener[] {
  return table.split('\n').flatMap(line => {
    const [, , hex = '', port = '', state] =
      /^\s*(\d+): ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ??
      []
    if (state !== LISTENS) return []
    const address = addressOf(hex)
    return address === NAME_SERVER ? [] : [{ address, port: Number.parseInt(port, 16) }]
  })
}

function addressOf(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(word => [...Buffer.from(word, 'hex')].reverse())
  if (bytes.length === 4) return bytes.join('.')
  const mapped = bytes.slice(0, 10).every(byte => byte === 0) && bytes[10] === 255 && bytes[11] === 255
  if (mapped) return bytes.slice(12).join('.')
  const words = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i] ?? 0) * 256 + (bytes[2 * i + 1] ?? 0)).toString(16),
  )
  if (words.every(word => word === '0')) return '::'
  return words.slice(0, 7).every(word => word === '0') ? `::${words[7]}` : words.join(':')
}
