import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { loadHostKey } from '../../../src/ssh/host-key.ts'
import { startFrontDoor } from '../../../src/ssh/server.ts'
import type { Serve, Session } from '../../../src/ssh/session.ts'
import { openDoor, ssh2Login, until } from './front-door.ts'

const waitForAbort: Serve = session =>
  new Promise(resolve => {
    session.signal.addEventListener('abort', () => resolve(0))
    session.stdout.write('started\n')
  })

test('a known key logs in under any user name and runs its words', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.write(`${session.words.join('|')}\n`)
    return 0
  })
  t.like(await door.ssh([`config:set 'A=b c'`, 'D=e']), { status: 0, stdout: 'config:set|A=b c|D=e\n' })
  t.like(await door.ssh(['who'], { extra: ['-l', 'somebody'] }), { status: 0, stdout: 'who\n' })
  t.like(await door.ssh([]), { status: 0, stdout: '\n' }, 'a bare login has no words')
})

test('the exit status is the result of the command, and anything odd is 1', async t => {
  const odd: Record<string, number> = { three: 3, max: 255, big: 256, half: 0.5, nan: Number.NaN, minus: -1 }
  const door = await openDoor(t, async session => odd[session.words[0] ?? ''] ?? 0)
  const statuses = await Promise.all(
    ['zero', 'three', 'max', 'big', 'half', 'nan', 'minus'].map(
      async word => (await door.ssh([word])).status,
    ),
  )
  t.deepEqual(statuses, [0, 3, 255, 1, 1, 1, 1])
})

test('a Problem is printed in full and a fault is only named, both with exit status 1', async t => {
  const door = await openDoor(t, async session => {
    if (session.words[0] === 'fault') throw new Error('hunter2')
    throw new Problem('not-found', { headline: 'There is no such thing', hint: 'Look elsewhere.' })
  })
  const problem = await door.ssh(['problem'])
  t.is(problem.status, 1)
  t.is(problem.stderr, ' !     There is no such thing (not-found)\n       What to do:    Look elsewhere.\n')
  const fault = await door.ssh(['fault'])
  t.like(fault, { status: 1, stderr: 'internal fault, see the log\n' })
  t.like(door.log.find(line => line.level === 'error')?.fields.err, { message: 'hunter2' })
  await door.stillServes(t)
})

test('all that was written arrives before the exit status', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.write(Buffer.alloc(3_000_000, 'o'))
    session.stderr.write(Buffer.alloc(3_000_000, 'e'))
    session.stdout.write('last')
    return 7
  })
  const { status, stdout, stderr } = await door.ssh(['x'])
  t.is(status, 7)
  t.true(stdout === `${'o'.repeat(3_000_000)}last`, `${stdout.length}`)
  t.true(stderr === 'e'.repeat(3_000_000), `${stderr.length}`)
})

test('GIT_PROTOCOL is passed on when it is a version, and nothing else is', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.write(JSON.stringify([...session.env]))
    return 0
  })
  const set = (value: string) => door.ssh(['x'], { extra: ['-o', `SetEnv=${value}`] })
  t.is((await set('GIT_PROTOCOL=version=2')).stdout, '[["GIT_PROTOCOL","version=2"]]')
  t.is((await set('GIT_PROTOCOL=version=2:$(id)')).stdout, '[]')
  t.is((await set('LD_PRELOAD=/tmp/x.so')).stdout, '[]')
})

test('at a terminal the lines of a command return the carriage', async t => {
  const door = await openDoor(t, async () => 0)
  const { status, stdout, stderr } = await door.ssh(['hello'], { extra: ['-tt'] })
  t.is(status, 0)
  t.is(stdout, 'hello ann\r\n')
  t.notRegex(stderr, /PTY allocation/)
})

test('subsystems and port forwarding in both directions are refused', async t => {
  const door = await openDoor(t, waitForAbort)
  t.not((await door.ssh(['sftp'], { extra: ['-s'] })).status, 0)
  const forward = await door.ssh(['hello'], {
    extra: ['-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:9'],
  })
  t.is(forward.status, 255)
  t.regex(forward.stderr, /remote port forwarding failed/)
  const direct = await door.ssh([], { extra: ['-W', '127.0.0.1:9'] })
  t.regex(direct.stderr, /administratively prohibited/)
  await door.stillServes(t)
})

test('a client that is killed aborts its command before stdin ends', async t => {
  const order: string[] = []
  const door = await openDoor(t, async session => {
    session.signal.addEventListener('abort', () => order.push((session.signal.reason as Problem).code))
    session.stdin.on('end', () => order.push('end of stdin')).resume()
    session.stdout.write('started\n')
    await once(session.stdin, 'end')
    // Words for nobody are neither an error nor a wait.
    for (let i = 0; i < 100; i += 1) session.stdout.write(Buffer.alloc(100_000))
    await new Promise(resolve => session.stdout.end(resolve))
    order.push('done')
    return 0
  })
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await until(() => order.includes('done'))
  t.deepEqual(order, ['cancelled', 'end of stdin', 'done'])
  await door.stillServes(t)
})

test('a client that is stopped is noticed, its command aborted and its connection destroyed', async t => {
  let aborted = false
  const door = await openDoor(
    t,
    async session => {
      session.signal.addEventListener('abort', () => {
        aborted = true
      })
      return waitForAbort(session)
    },
    // Longer than one that lives is held up on a busy machine before it has begun.
    { keepaliveInterval: 0.5, keepaliveCount: 4 },
  )
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  await until(() => aborted)
  t.true(door.log.some(line => line.fields.reason === 'Keepalive timeout'))
  // Only a destroyed socket makes room: closing would wait for this client for ever.
  await door.door.close(0)
  t.pass()
})

test('a living client that says nothing is kept', async t => {
  let running: Session | undefined
  const door = await openDoor(
    t,
    session => {
      running = session
      return waitForAbort(session)
    },
    { keepaliveInterval: 0.3, keepaliveCount: 3 },
  )
  let asked = 0
  const client = await ssh2Login(door, await readFile(`${door.directory}/id`, 'utf8'), {
    debug: message => {
      if (message.includes('GLOBAL_REQUEST (keepalive@openssh.com)')) asked += 1
    },
  })
  client.exec('x', () => {})
  await until(() => running !== undefined && asked > 5)
  t.false(running?.signal.aborted)
  client.destroy()
})

test('closing lets a command say its last words, and refuses newcomers', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.write('started\n')
    await new Promise(resolve => session.signal.addEventListener('abort', resolve))
    throw session.signal.reason
  })
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  await once(child.stdout, 'data')
  const [[status]] = await Promise.all([once(child, 'close'), door.door.close()])
  t.is(status, 1)
  t.regex(said, /The gateway stopped while the command ran \(interrupted\)/)
  t.is((await door.ssh(['hello'])).status, 255)
})

test('closing does not wait for a command that does not stop', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.write('started\n')
    return new Promise(() => {})
  })
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  const [[status]] = await Promise.all([once(child, 'close'), door.door.close(0.1)])
  t.is(status, 255)
})

test('a port that is taken is a Problem that names the setting', async t => {
  const door = await openDoor(t, async () => 0)
  const { privateKey } = await loadHostKey(`${door.directory}/host`)
  const fault = await t.throwsAsync<Problem>(
    startFrontDoor({
      host: '127.0.0.1',
      port: door.door.port,
      hostKey: privateKey,
      authenticate: () => null,
      serve: async () => 0,
      log: { info() {}, warn() {}, error() {} },
    }),
    { instanceOf: Problem },
  )
  t.is(fault.code, 'settings-invalid')
  t.regex(fault.saw ?? '', /EADDRINUSE/)
  t.regex(fault.hint, /FAIRLEAD_SSH/)
})
