// The HAProxy that runs, or will: found through its socket, started when it is ours, reloaded without losing anything.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { HostPort } from '../domain/host-port.ts'
import { Problem } from '../domain/problem.ts'
import type { Route } from '../domain/router.ts'
import { prepareDirectory, type RouterFiles, readIfThere, workersKey, writeRoutes } from './files.ts'
import { configText, frameOf, type Mark, readMark, type Size, type Surroundings } from './haproxy-config.ts'
import { check, findHaproxy, launch, launchArguments, ownPrivileges } from './launch.ts'
import { type Processes, readProcesses } from './readings.ts'
import { createRuntime, mute, type Runtime } from './runtime.ts'

/** Milliseconds that a new worker has until it answers. Reading many certificates takes a while. */
const START_LIMIT = 30_000
const LOOK_AGAIN = 25
/** Milliseconds for which a running HAProxy may say nothing. */
const MUTE_LIMIT = 10_000
/** After so many without an answer one is gone of which there is no process id to look at. */
const GONE_LIMIT = 2_000

export interface InstanceOptions {
  readonly files: RouterFiles
  readonly http: HostPort
  readonly https: HostPort | null
  readonly binary: string | null
  /** Of an HAProxy that somebody else runs over our configuration. */
  readonly masterSocket: string | null
}

export interface Instance {
  readonly files: RouterFiles
  readonly runtime: Runtime
  /** What the serving worker was started from; null when none runs. */
  running(signal: AbortSignal): Promise<Mark | null>
  processes(signal: AbortSignal): Promise<Processes | null>
  /** Whether what runs, or lies on disk, was written with these settings by this program. */
  isOurs(mark: Mark): boolean
  onDisk(): Promise<Mark | null>
  /**
   * Writes these routes down, for whoever starts HAProxy next.
   *
   * @param generation of what runs, where that is told the same at run time; a new one when left out
   * @returns the generation
   */
  write(size: Size, routes: readonly Route[], generation?: string): Promise<string>
  /** From what is on disk. @throws Problem */
  start(signal: AbortSignal): Promise<void>
  reload(signal: AbortSignal): Promise<void>
}

export function createInstance(options: InstanceOptions): Instance {
  const { files, http, https, masterSocket } = options
  const surroundings: Surroundings = { files, http, https, privileges: ownPrivileges() }
  const frame = frameOf(surroundings)
  const runtime = createRuntime(masterSocket ?? files.socket)
  const addresses = https === null ? [http] : [http, https]

  const socket = masterSocket ?? files.socket
  /** A master that is being reloaded refuses for a moment, and is not gone: a second one would share its ports. */
  const processes = async (signal: AbortSignal): Promise<Processes | null> => {
    const since = Date.now()
    for (;;) {
      const seen = await showProcesses(signal)
      if (seen !== 'none' && seen !== 'mute') return seen
      const alive = masterSocket === null ? await isAlive(files) : null
      if (seen === 'none' || alive === false) return null
      if (alive === null && Date.now() - since > GONE_LIMIT) return null
      if (Date.now() - since > MUTE_LIMIT) throw mute(socket)
      await pause(LOOK_AGAIN, undefined, { signal })
    }
  }
  const showProcesses = async (signal: AbortSignal): Promise<Processes | 'none' | 'mute'> => {
    try {
      return readProcesses(await runtime.ask('master', ['show', 'proc'], signal)) ?? 'mute'
    } catch (error) {
      signal.throwIfAborted()
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
      if (isNobody(error)) return 'mute'
      throw error instanceof Problem ? error : unreachable(socket, error)
    }
  }
  const running = async (signal: AbortSignal): Promise<Mark | null> => {
    const limit = Date.now() + MUTE_LIMIT
    for (;;) {
      const seen = await processes(signal)
      if (seen === null) return null
      const said = seen.worker === null ? '' : await whatItIs(seen.worker, signal)
      const mark = readMark(said)
      if (mark !== null) return mark
      if (said !== '') throw foreign(options)
      if (Date.now() > limit) throw mute(socket)
      await pause(LOOK_AGAIN, undefined, { signal })
    }
  }
  /** @returns '' for a worker that has gone since, or a master that begins anew */
  const whatItIs = (pid: number, signal: AbortSignal) =>
    runtime.ask({ pid }, ['show', 'info'], signal).catch(error => {
      signal.throwIfAborted()
      if (error instanceof Problem || isNobody(error)) return ''
      throw error
    })
  const onDisk = async () => readMark(await readIfThere(files.config))

  const until = async (arrived: () => Promise<boolean>, signal: AbortSignal, what: string) => {
    const limit = Date.now() + START_LIMIT
    while (!(await arrived())) {
      if (Date.now() > limit) {
        throw new Problem('router-unreachable', {
          headline: `HAProxy did not ${what} within ${START_LIMIT / 1000} seconds`,
          saw: `Its socket ${socket} shows no worker with the new configuration.`,
          hint: 'See whether the machine is short of memory, and try again.',
        })
      }
      await pause(LOOK_AGAIN, undefined, { signal })
    }
  }
  const arrived = async (wanted: Mark | null, signal: AbortSignal) =>
    (await running(signal))?.generation === wanted?.generation

  return {
    files,
    runtime,
    running,
    processes,
    onDisk,
    isOurs: mark => mark.frame === frame,
    write: async (size, routes, generation = randomBytes(6).toString('hex')) => {
      await prepareDirectory(files)
      const key = await workersKey(files)
      await writeRoutes(files, routes, configText(surroundings, size, routes, generation, key))
      return generation
    },
    start: async signal => {
      if (masterSocket !== null) throw notRun(options)
      const wanted = await onDisk()
      await launch(findHaproxy(options.binary), files, addresses)
      await until(() => arrived(wanted, signal), signal, 'start')
    },
    reload: async signal => {
      const wanted = await onDisk()
      if (masterSocket === null) await check(findHaproxy(options.binary), files)
      const before = (await processes(signal))?.failed ?? 0
      // The master begins anew while it answers: that the connection breaks off means nothing.
      await runtime.ask('master', ['reload'], signal).catch(() => signal.throwIfAborted())
      await until(
        async () => {
          const now = await processes(signal)
          if (now !== null && now.failed > before) throw notReloaded(addresses)
          return arrived(wanted, signal)
        },
        signal,
        'reload',
      )
    },
  }
}

/**
 * Linux says of what program a process is: an id may have been given to another one since.
 * @returns null where nothing can be read: while it is reloaded HAProxy writes the file with its id anew, and has no
 * command line for a moment. Whoever took it for gone then would start a second one, which takes the socket away from
 * the first before it fails for want of the port
 */
async function isAlive(files: RouterFiles): Promise<boolean | null> {
  const pid = (await readIfThere(files.pid)).trim()
  if (!/^[1-9]\d*$/.test(pid)) return null
  if (!existsSync(`/proc/${pid}`)) return false
  const commandLine = await readIfThere(`/proc/${pid}/cmdline`).catch(() => '')
  return commandLine === '' ? null : commandLine.split('\0').includes(files.config)
}

function unreachable(socket: string, cause: unknown): Problem {
  return new Problem('router-unreachable', {
    headline: `HAProxy cannot be reached at ${socket}`,
    saw: (cause as Error).message,
    hint: 'See that the user of the gateway may write to this socket.',
    cause,
  })
}

function isNobody(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'EPIPE'
}

function foreign(options: InstanceOptions): Problem {
  return new Problem('router-unreachable', {
    headline: `The HAProxy at ${options.masterSocket ?? options.files.socket} runs another configuration than Fairlead's`,
    saw: 'Its description is none that Fairlead writes.',
    hint: `Run it with: ${commandLine(options)}`,
  })
}

function notRun(options: InstanceOptions): Problem {
  return new Problem('router-unreachable', {
    headline: `No HAProxy answers at ${options.masterSocket}`,
    saw: 'The settings name this socket, so that the gateway starts none itself.',
    hint: `Run it with: ${commandLine(options)}`,
  })
}

function commandLine({ files, masterSocket }: InstanceOptions): string {
  const args = launchArguments(files)
  if (masterSocket === null) return `haproxy ${args.join(' ')}`
  return `haproxy -W -S ${masterSocket},mode,660 -f ${files.config}`
}

function notReloaded(addresses: readonly HostPort[]): Problem {
  return new Problem('router-unreachable', {
    headline: 'HAProxy could not go over to its new configuration, and goes on with the one it had',
    saw: `It is to listen on ${addresses.map(({ host, port }) => `${host}:${port}`).join(' and ')}.`,
    hint: 'See that nothing else listens there, or set FAIRLEAD_HTTP and FAIRLEAD_HTTPS to other addresses.',
  })
}
