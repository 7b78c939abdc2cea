// A Docker engine of a test's own, which can be stopped, killed and started again: in a network namespace of its own, so
// that the shared one notices nothing. Its containers are reached through the engine only.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/engine', import.meta.url))

export interface OwnEngine {
  readonly socket: string
  start(): void
  /** SIGTERM: it takes its containers along. */
  stop(): void
  /** SIGKILL: its containers go on until it is there again. */
  kill(): Promise<void>
  remove(): void
}

/** @param size of its disk, as `mount` takes it; left out: as large as the disk of temporary files */
export function startOwnEngine(size?: string): OwnEngine {
  const root = mkdtempSync(join(tmpdir(), 'fairlead-engine-'))
  const socket = join(root, 'engine.sock')
  const data = join(root, 'data')
  const pidFile = join(root, 'dockerd.pid')
  const environment = { ...process.env, FAIRLEAD_ENGINE_SOCKET: socket, FAIRLEAD_ENGINE_ROOT: root }
  const run = (...words: [string, ...string[]]) =>
    void execFileSync(words[0], words.slice(1), { env: environment, stdio: 'ignore' })
  const engine: OwnEngine = {
    socket,
    start: () => run('unshare', '--net', 'sh', SCRIPT, 'start'),
    stop: () => run('sh', SCRIPT, 'stop'),
    async kill() {
      const pid = readFileSync(pidFile, 'utf8').trim()
      process.kill(Number(pid), 'SIGKILL')
      await until('the engine has ended', async () => !isDockerd(pid))
      // With these it would not start again while some process has that id, if only one that nobody has buried.
      for (const file of [pidFile, join(root, 'exec/containerd/containerd.pid')])
        rmSync(file, { force: true })
    },
    remove() {
      engine.stop()
      endAllOf(root)
      rmSync(root, { recursive: true, force: true })
    },
  }
  if (size !== undefined) {
    mkdirSync(data)
    run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', data)
  }
  engine.start()
  return engine
}

/** What an engine that could not be started again has left: processes and mounts that name its directory. */
function endAllOf(root: string): void {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name) && commandOf(name).includes(root))
  for (const pid of [...pids.flatMap(childrenOf), ...pids]) process.kill(Number(pid), 'SIGKILL')
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n')
  const own = mounts.map(line => line.split(' ')[1] ?? '').filter(path => path.startsWith(`${root}/`))
  for (const path of own.sort().reverse()) execFileSync('umount', ['--lazy', path])
}

function isDockerd(pid: string): boolean {
  return commandOf(pid).includes('dockerd')
}

/** Of what watches over a container: its programs, which name no directory. */
function childrenOf(pid: string): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
