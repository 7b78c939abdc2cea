// Terminals at the front door: what a client asks for is checked, and ordinary commands look right on one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { ClientChannel } from 'ssh2'
import type { Serve, Session } from '../../../src/ssh/session.ts'
import { readSize, readTerm, returningCarriage, type Terminal } from '../../../src/ssh/terminal.ts'
import { openDoor, ssh2Login, until } from './front-door.ts'

test('a size is one that a terminal can have; 0 is a client that does not know', t => {
  t.deepEqual(readSize({ cols: 101, rows: 33 }), { columns: 101, rows: 33 })
  t.deepEqual(readSize({ cols: 0, rows: 0 }), { columns: 80, rows: 24 })
  for (const bad of [65_536, 4_294_967_295, -1, 1.5, Number.NaN]) {
    t.is(readSize({ cols: bad, rows: 24 }), null)
    t.is(readSize({ cols: 80, rows: bad }), null)
  }
})

test('the kind of a terminal is a name, and never longer or anything else', t => {
  for (const term of ['xterm-256color', 'screen.xterm', 'rxvt+pcfkeys', 'x'.repeat(64)])
    t.is(readTerm(term), term)
  t.is(readTerm(''), 'dumb')
  for (const term of ['x'.repeat(65), '../x', 'a b', 'a\nb', '$(id)', '-x', 'é', 'a=b', 'a\0'])
    t.is(readTerm(term), null, term)
})

test('every line end returns the carriage, once, wherever the text is cut', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('a', '\n', '\r', '\r\n', 'ä\n')), async pieces => {
      const target = new PassThrough()
      const output = returningCarriage(target)
      for (const piece of pieces) output.write(piece)
      output.end(() => target.end())
      const text = (await buffer(target)).toString()
      t.is(text, pieces.join('').replace(/(?<!\r)\n/g, '\r\n'))
    }),
  )
})

const waitForAbort: Serve = ({ signal }) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** The terminal of a session that has one. */
function terminalOf(session: Session | undefined): Terminal {
  if (!session?.terminal) throw new Error('there is no terminal')
  return session.terminal
}

/** Hands over every session that is served; each goes on until it is aborted. */
async function watched(t: ExecutionContext, serve: Serve = waitForAbort) {
  const sessions: Session[] = []
  const door = await openDoor(t, async session => {
    sessions.push(session)
    return serve(session)
  })
  const client = await ssh2Login(door, await door.makeKey('hers', ['-t', 'ed25519']).then(read))
  t.teardown(() => client.end())
  const exec = (pty: object) =>
    new Promise<ClientChannel>((resolve, reject) =>
      client.exec(
        'x',
        { pty: { cols: 80, rows: 24, width: 0, height: 0, term: 'vt100', ...pty } as never },
        (error, channel) => (error ? reject(error) : resolve(channel)),
      ),
    )
  return { door, sessions, exec }
}

async function read(path: string): Promise<string> {
  return (await import('node:fs/promises')).readFile(path, 'utf8')
}

test('a command is told of the terminal and of every size it gets; what no terminal has is not passed on', async t => {
  const { sessions, exec, door } = await watched(t)
  const channel = await exec({ cols: 101, rows: 33, term: 'xterm' })
  await until(() => sessions.length === 1)
  const { columns, rows, term, onResize } = terminalOf(sessions[0])
  t.deepEqual([columns, rows, term], [101, 33, 'xterm'])
  const sizes: unknown[] = []
  onResize(size => sizes.push(size))
  channel.setWindow(40, 120, 0, 0)
  channel.setWindow(70_000, 120, 0, 0)
  channel.setWindow(41, 121, 0, 0)
  await until(() => sizes.length === 2)
  t.deepEqual(sizes, [
    { columns: 120, rows: 40 },
    { columns: 121, rows: 41 },
  ])
  t.is(sessions[0]?.terminal?.columns, 121)
  await door.stillServes(t)
})

test('a terminal of a bad kind or size is refused, and without one there is none', async t => {
  const { door, exec, sessions } = await watched(t)
  await t.throwsAsync(exec({ term: 'x\ny' }), { message: /pty|pseudo|terminal/i })
  await t.throwsAsync(exec({ cols: 100_000 }), { message: /pty|pseudo|terminal/i })
  t.is(sessions.length, 0)
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => sessions.length === 1)
  t.is(sessions[0]?.terminal, null)
})

test('what takes the terminal over is written unchanged, and gets Ctrl-C as a byte', async t => {
  const { exec } = await watched(t, async ({ terminal, stdin }) => {
    const raw = terminal?.takeOver()
    raw?.write('a\nb')
    const [chunk] = await once(stdin, 'data')
    raw?.write(chunk)
    return 3
  })
  const channel = await exec({})
  const all = buffer(channel)
  channel.write('\x03')
  const [status] = await once(channel, 'exit')
  t.is(status, 3)
  t.is((await all).toString(), 'a\nb\x03')
})

test('Ctrl-C ends an ordinary command at a terminal, and only there', async t => {
  const { door, exec, sessions } = await watched(t)
  const channel = await exec({})
  channel.resume()
  await until(() => sessions.length === 1)
  channel.write('x')
  channel.write('\x03')
  const [status] = await once(channel, 'exit')
  t.is(status, 130)
  t.regex(String(sessions[0]?.signal.reason), /Ctrl-C was pressed/)

  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => sessions.length === 2)
  const bytes = once(sessions[1]?.stdin as Session['stdin'], 'data')
  child.stdin.write('\x03')
  await bytes
  t.false(sessions[1]?.signal.aborted)
})
