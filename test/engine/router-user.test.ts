// Who HAProxy runs as, and who may reach what is its own: that of a gateway that is an ordinary user, and that of one that
// is root on a machine where HAProxy has no user of its own. Run by root, a gateway of this test becomes another user;
// run by anybody else, it is that one, and then nobody is there by whom it could be tried to reach it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { HostPort } from '../../src/domain/host-port.ts'
import { prepareDirectory, routerFiles, writeRoutes } from '../../src/routing/files.ts'
import { configText } from '../../src/routing/haproxy-config.ts'
import { findHaproxy, launch, privileges } from '../../src/routing/launch.ts'
import { FIRST_SIZE } from '../../src/routing/size.ts'
import { backendServer } from '../support/backend-server.ts'
import { endHaproxy, freePort } from '../support/haproxy.ts'
import { certificateFor } from '../support/hostname-certificate.ts'
import { name, route } from '../support/route.ts'
import { askRouted, shownCertificate } from '../support/routed.ts'
import type { Call } from '../support/router-of-user.ts'

const PROGRAM = fileURLToPath(new URL('../support/router-of-user.ts', import.meta.url))
const OWN = process.getuid?.() ?? 0
/** Of two users who need no account. */
const USER = OWN === 0 ? 64_801 : OWN
const STRANGER = 64_802

interface OfUser {
  readonly directory: string
  readonly http: HostPort
  readonly https: HostPort
  /** @returns `done`, or the Problem */
  tell(call: Call): Promise<unknown>
  /** kill -9 */
  crash(): Promise<void>
  /** Another one over the same directory. */
  again(): void
  /** Of HAProxy's master. */
  pid(): number
}

async function routerOfUser(t: ExecutionContext, http?: HostPort): Promise<OfUser> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-user-'))
  chownSync(directory, USER, OWN === 0 ? USER : (process.getgid?.() ?? 0))
  const at = http ?? { host: '127.0.0.1', port: await freePort() }
  const https = { host: '127.0.0.1', port: await freePort() }
  const files = join(directory, 'router')
  const options = { directory: files, http: at, https, binary: null, masterSocket: null }
  const start = () => {
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(options), String(USER)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    return { child, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() }
  }
  let now = start()
  const crash = async () => {
    if (now.child.exitCode !== null || now.child.signalCode !== null) return
    const exited = once(now.child, 'exit')
    now.child.kill('SIGKILL')
    await exited
  }
  t.teardown(async () => {
    await crash()
    await endHaproxy(join(files, 'haproxy.pid'))
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    directory: files,
    http: at,
    https,
    tell: async call => {
      now.child.stdin.write(`${JSON.stringify(call)}\n`)
      return JSON.parse((await now.answers.next()).value ?? 'null')
    },
    crash,
    again: () => {
      now = start()
    },
    pid: () => Number(readFileSync(join(files, 'haproxy.pid'), 'utf8')),
  }
}

/** Real, effective, saved and file system id of a process, and its further groups. */
function identity(pid: number): { uid: string[]; gid: string[]; groups: string[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const numbers = (of: string) => new RegExp(`^${of}:(.*)$`, 'm').exec(status)?.[1]?.trim().split(/\s+/) ?? []
  return { uid: numbers('Uid'), gid: numbers('Gid'), groups: numbers('Groups').filter(each => each !== '') }
}

function workersOf(master: number): number[] {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ')
  return children.map(Number)
}

test('the HAProxy of a gateway that is not root serves, is reloaded and is found again', async t => {
  const user = await routerOfUser(t)
  const server = await backendServer(t, '127.0.6.1')
  t.is(await user.tell({ replace: [route('a.example', 0, server)] }), 'done')
  t.is((await askRouted(user.http, 'a.example')).body, server.address)
  const master = user.pid()
  t.notRegex(readFileSync(join(user.directory, 'haproxy.cfg'), 'utf8'), /^ *(?:user|group|uid|gid) /m)
  for (const pid of [master, ...workersOf(master)])
    t.deepEqual(identity(pid).uid, Array(4).fill(String(USER)))

  const certificate = certificateFor(name('a.example'))
  t.is(await user.tell({ certificate: { hostname: name('a.example'), pem: certificate.pem } }), 'done')
  t.is(await shownCertificate(user.https, 'a.example'), certificate.fingerprint)
  // A slot outside of the pool takes a reload.
  const generation = () =>
    /generation=\w+/.exec(readFileSync(join(user.directory, 'haproxy.cfg'), 'utf8'))?.[0]
  const before = generation()
  t.is(
    await user.tell({
      replace: [route('a.example', 0, server), route('b.example', FIRST_SIZE.pool, server)],
    }),
    'done',
  )
  t.not(generation(), before)
  t.is((await askRouted(user.http, 'b.example')).body, server.address)

  await user.crash()
  t.is((await askRouted(user.http, 'a.example')).body, server.address)
  user.again()
  t.is(await user.tell({ replace: [route('c.example', 1, server)] }), 'done')
  t.is((await askRouted(user.http, 'c.example')).body, server.address)
  t.is((await askRouted(user.http, 'a.example')).status, 404)
  t.is(await shownCertificate(user.https, 'a.example'), certificate.fingerprint)
  t.is(user.pid(), master)
})

test('all that is its own belongs to that user, and nobody else reads or reaches any of it', async t => {
  const user = await routerOfUser(t)
  t.is(await user.tell({ replace: [route('a.example', 0)] }), 'done')
  const { pem } = certificateFor(name('a.example'))
  t.is(await user.tell({ certificate: { hostname: name('a.example'), pem } }), 'done')

  const paths = ['.', ...(readdirSync(user.directory, { recursive: true }) as string[])]
  const modes = paths.map(path => {
    const { uid, mode } = lstatSync(join(user.directory, path))
    t.is(uid, USER, path)
    return `${path} ${(mode & 0o777).toString(8)}`
  })
  t.deepEqual(modes.sort(), [
    '. 700',
    'acme.map 600',
    'certificates 700',
    'certificates/a.example.pem 600',
    'crt-list 600',
    'haproxy.cfg 600',
    // HAProxy itself makes this one, in a directory that is closed.
    'haproxy.pid 644',
    'hosts.map 600',
    'master.sock 600',
    'secure.map 600',
    'workers.key 600',
  ])
  if (OWN === 0)
    t.deepEqual(
      await reachedBy(STRANGER, user.directory, paths),
      paths.map(() => 'EACCES'),
    )
})

/** What comes of it when another user opens each of these, or connects to it. */
async function reachedBy(uid: number, directory: string, paths: readonly string[]): Promise<unknown> {
  const program = `const { connect } = require('node:net'); const fs = require('node:fs')
    const reach = path => new Promise(resolve => {
      if (path.endsWith('.sock')) connect(path).on('connect', () => resolve('open')).on('error', e => resolve(e.code))
      else fs.open(path, (error, fd) => resolve(error === null ? 'open' : error.code))
    })
    process.setgroups([]); process.setgid(${uid}); process.setuid(${uid})
    Promise.all(process.argv.slice(1).map(reach)).then(all => { console.log(JSON.stringify(all)); process.exit() })`
  const each = paths.map(path => join(directory, path))
  const child = spawn(process.execPath, ['-e', program, ...each], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  return JSON.parse(line)
}

test('a port that takes root is refused in plain words, where the system keeps it for root', async t => {
  const firstOpen = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'))
  const http = { host: '127.0.6.2', port: 900 }
  const user = await routerOfUser(t, http)
  const said = await user.tell({ replace: [] })
  if (firstOpen <= http.port) return t.is(said, 'done')
  const { headline, saw, hint } = said as Record<string, string>
  t.regex(headline ?? '', /^HAProxy cannot listen on 127\.0\.6\.2:900 and 127\.0\.0\.1:\d+$/)
  t.regex(saw ?? '', /Permission denied/)
  t.regex(hint ?? '', /^Ports below 1024 take root or a capability: /)
})

test('workers of root have its rights and groups no more, where HAProxy has no user of its own', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-user-'))
  const files = routerFiles(directory)
  t.teardown(async () => {
    await endHaproxy(files.pid)
    rmSync(directory, { recursive: true, force: true })
  })
  const http = { host: '127.0.0.1', port: await freePort() }
  const server = await backendServer(t, '127.0.6.3')
  const routes = [route('a.example', 0, server)]
  const surroundings = { files, http, https: null, privileges: privileges(OWN, ['', '']) }
  await prepareDirectory(files)
  await writeRoutes(files, routes, configText(surroundings, { pool: 1, width: 1 }, routes, 'a', 'key'))
  await launch(findHaproxy(null), files, [http])
  t.is((await askRouted(http, 'a.example')).body, server.address)
  const [worker = 0] = workersOf(Number(readFileSync(files.pid, 'utf8')))
  const { uid, gid, groups } = identity(worker)
  t.deepEqual(uid, Array(4).fill(String(OWN === 0 ? 65_534 : OWN)))
  if (OWN === 0) t.deepEqual([gid, groups], [Array(4).fill('65534'), []])
})
