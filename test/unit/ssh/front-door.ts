// A front door on a free port with two keys that may log in, and the real ssh client to knock with.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import ssh2 from 'ssh2'
import { parseHandle } from '../../../src/domain/app.ts'
import type { Actor } from '../../../src/domain/member.ts'
import { loadHostKey } from '../../../src/ssh/host-key.ts'
import type { FrontDoorLimits } from '../../../src/ssh/limits.ts'
import { type FrontDoor, startFrontDoor } from '../../../src/ssh/server.ts'
import type { Serve } from '../../../src/ssh/session.ts'

export interface Outcome {
  readonly status: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

export interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

export interface Fixture {
  readonly door: FrontDoor
  readonly directory: string
  readonly log: Line[]
  /** Fingerprints of the keys that belong to the member. */
  readonly known: Set<string>
  /** Arguments of the ssh client up to and with the host. */
  sshArgs(key?: string): string[]
  ssh(
    words: string[],
    options?: { key?: string; input?: string | Buffer; extra?: string[] },
  ): Promise<Outcome>
  /** Makes a key, known to the server unless `stranger`, and returns its path. */
  makeKey(name: string, args: string[], stranger?: boolean): Promise<string>
  /** A plain login still works. */
  stillServes(t: ExecutionContext): Promise<void>
}

export async function openDoor(
  t: ExecutionContext,
  serve: Serve,
  limits: Partial<FrontDoorLimits> = {},
): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-ssh-'))
  const hostKey = await loadHostKey(join(directory, 'host'))
  const log: Line[] = []
  const known = new Set<string>()
  const note = (level: string) => (fields: object, message: string) =>
    void log.push({ level, fields: { ...fields }, message })
  const door = await startFrontDoor({
    host: '127.0.0.1',
    port: 0,
    hostKey: hostKey.privateKey,
    authenticate: (key, _type, _blob, address): Actor | null =>
      known.has(key)
        ? {
            member: { id: 1, name: parseHandle('ann', 'member'), operator: false },
            key,
            address,
            roles: new Map(),
            secretPaths: [],
          }
        : null,
    serve: async session => (session.words[0] === 'hello' ? hello(session) : serve(session)),
    limits,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
  })
  await writeFile(join(directory, 'known_hosts'), `[127.0.0.1]:${door.port} ${hostKey.publicLine}\n`)
  t.teardown(async () => {
    await door.close(0)
    await rm(directory, { recursive: true, force: true })
  })

  const fixture: Fixture = {
    door,
    directory,
    log,
    known,
    sshArgs: (key = join(directory, 'id')) => [
      ...['-F', 'none', '-T', '-i', key, '-p', String(door.port)],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-o', 'BatchMode=yes'],
      ...['-o', `UserKnownHostsFile=${join(directory, 'known_hosts')}`, '-o', 'StrictHostKeyChecking=yes'],
    ],
    ssh: (words, { key, input = '', extra = [] } = {}) =>
      run('ssh', [...fixture.sshArgs(key), ...extra, 'git@127.0.0.1', ...words], input),
    async makeKey(name, args, stranger = false) {
      const path = join(directory, name)
      const made = await run('ssh-keygen', ['-q', '-N', '', '-f', path, ...args])
      if (made.status !== 0) throw new Error(made.stderr)
      const listed = await run('ssh-keygen', ['-lf', `${path}.pub`])
      if (!stranger) known.add(listed.stdout.split(' ')[1] ?? '')
      return path
    },
    async stillServes(t) {
      const { status, stdout, stderr } = await fixture.ssh(['hello'])
      t.deepEqual([status, stdout], [0, 'hello ann\n'], stderr)
    },
  }
  await fixture.makeKey('id', ['-t', 'ed25519'])
  return fixture
}

const hello: Serve = async session => {
  session.stdout.write(`hello ${session.actor.member.name}\n`)
  return 0
}

export async function run(file: string, args: string[], input: string | Buffer = ''): Promise<Outcome> {
  const child = spawn(file, args, { stdio: 'pipe', env: { PATH: process.env.PATH, HOME: '/nonexistent' } })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', chunk => out.push(chunk))
  child.stderr.on('data', chunk => err.push(chunk))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [status, signal] = await once(child, 'close')
  return { status, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }
}

/** Resolves when `condition` holds; ava's own timeout ends a wait that never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setTimeout(resolve, 5))
}

/** A bare TCP connection, with all that arrives. Resolves once connected. */
export async function knock(
  port: number,
): Promise<{ socket: Socket; received: () => string; closed: Promise<unknown> }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  let text = ''
  socket.on('data', chunk => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('end', () => socket.end())
  const closed = new Promise(resolve => socket.once('close', resolve))
  await once(socket, 'connect')
  return { socket, received: () => text, closed }
}

/** The ssh2 client, logged in: the one that can be made to misbehave. */
export async function ssh2Login(
  fixture: Fixture,
  key: string,
  extra: Partial<ssh2.ConnectConfig> = {},
): Promise<ssh2.Client> {
  const client = new ssh2.Client()
  client.on('error', () => {})
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve)
    client.once('error', reject)
  })
  client.connect({ host: '127.0.0.1', port: fixture.door.port, username: 'git', privateKey: key, ...extra })
  await ready
  return client
}
