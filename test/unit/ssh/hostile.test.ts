// Clients that mean harm. After every one of them the next honest login is served.
import { readFile } from 'node:fs/promises'
import test from 'ava'
import type ssh2 from 'ssh2'
import type { Serve, Session } from '../../../src/ssh/session.ts'
import { type Fixture, knock, openDoor, ssh2Login, until } from './front-door.ts'

/** What the ssh2 client keeps to itself: enough to break the protocol with. */
interface Inside {
  _sock: { pause(): void; writableLength: number }
  _chanMgr: { add(opened: Opened): number }
  _protocol: {
    session(id: number, window: number, packetSize: number): void
    exec(channel: number, command: string, wantReply: boolean): void
    channelData(channel: number, data: Buffer): void
    channelClose(channel: number): void
    ping(): void
  }
}
type Opened = ((error: Error | undefined, channel: Raw) => void) & { type?: string }
interface Raw extends ssh2.Channel {
  outgoing: { id: number; window: number }
  _callbacks: ((failed: boolean) => void)[]
}
const inside = (client: ssh2.Client) => client as unknown as Inside

const never: Serve = () => new Promise(() => {})

async function hostile(door: Fixture, extra: Partial<ssh2.ConnectConfig> = {}): Promise<ssh2.Client> {
  return ssh2Login(door, await readFile(`${door.directory}/id`, 'utf8'), extra)
}

const closed = (client: ssh2.Client) => new Promise<void>(resolve => client.once('close', () => resolve()))

function openChannel(client: ssh2.Client, window = 1 << 20, packetSize = 32768): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const opened: Opened = (error, channel) => (error === undefined ? resolve(channel) : reject(error))
    opened.type = 'session'
    inside(client)._protocol.session(inside(client)._chanMgr.add(opened), window, packetSize)
  })
}

function exec(client: ssh2.Client, channel: Raw, command: string): Promise<boolean> {
  const taken = new Promise<boolean>(resolve => channel._callbacks.push(failed => resolve(!failed)))
  inside(client)._protocol.exec(channel.outgoing.id, command, true)
  return taken
}

/** The server grants more while it still has room: only a window that stays used up is. */
async function windowUsed(channel: Raw): Promise<void> {
  let used = 0
  await until(() => {
    used = channel.outgoing.window === 0 ? used + 1 : 0
    return used > 50
  })
}

const garbage: Record<string, Buffer> = {
  'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  zeros: Buffer.alloc(100_000),
  'a line without an end': Buffer.alloc(100_000, 'A'),
  'an SSH version of long ago': Buffer.from('SSH-1.5-old\r\n'),
  'a good first line and then noise': Buffer.from(`SSH-2.0-x\r\n${'\u00ff'.repeat(5000)}`, 'latin1'),
  'a packet that claims to be huge': Buffer.from('SSH-2.0-x\r\n\x7f\xff\xff\xff\x04\x14', 'latin1'),
  'a packet of length zero': Buffer.from(`SSH-2.0-x\r\n${'\0'.repeat(64)}`, 'latin1'),
}
for (const [what, bytes] of Object.entries(garbage)) {
  test(`garbage before the handshake ends the connection and nothing else: ${what}`, async t => {
    const door = await openDoor(t, never, { loginGrace: 8 })
    const { socket, closed } = await knock(door.door.port)
    socket.write(bytes)
    await closed
    await door.stillServes(t)
  })
}

for (const [what, bytes] of Object.entries({ nothing: '', 'its first line': 'SSH-2.0-slow\r\n' })) {
  test(`a client that sends ${what} and then nothing is cut off after the login grace`, async t => {
    const door = await openDoor(t, never, { loginGrace: 0.2 })
    const { socket, received, closed } = await knock(door.door.port)
    socket.write(bytes)
    await closed
    t.true(received().startsWith('SSH-2.0-'))
    t.true(door.log.some(line => line.message === 'connection cut: no login in time'))
    const patient = await openDoor(t, never)
    await patient.stillServes(t)
  })
}

test('the login grace ends with the login', async t => {
  const door = await openDoor(t, never, { loginGrace: 5 })
  const client = await hostile(door)
  let gone = false
  client.once('close', () => {
    gone = true
  })
  const { closed } = await knock(door.door.port)
  await closed
  t.false(gone)
  client.destroy()
})

test('the eleventh channel is refused, and there is room again when one is closed', async t => {
  const door = await openDoor(t, never)
  const client = await hostile(door)
  const channels: Raw[] = []
  for (let i = 0; i < 10; i += 1) channels.push(await openChannel(client))
  await t.throwsAsync(openChannel(client), { message: /Channel open failure/ })
  const gone = new Promise(resolve => channels[0]?.once('close', resolve))
  channels[0]?.resume().close()
  await gone
  await t.notThrowsAsync(openChannel(client))
  client.destroy()
  await door.stillServes(t)
})

test('a channel that is closed without a command is answered and forgotten', async t => {
  const door = await openDoor(t, never)
  const client = await hostile(door)
  for (let i = 0; i < 15; i += 1) {
    const channel = await openChannel(client)
    const gone = new Promise(resolve => channel.once('close', resolve))
    channel.resume().close()
    await gone
  }
  client.destroy()
  await door.stillServes(t)
  t.pass()
})

test('a second exec on a channel is refused, and the first goes on', async t => {
  const ran: string[] = []
  const door = await openDoor(t, session => {
    ran.push(session.words.join(' '))
    return never(session)
  })
  const client = await hostile(door)
  const channel = await openChannel(client)
  t.true(await exec(client, channel, 'first'))
  t.false(await exec(client, channel, 'second'))
  t.deepEqual(ran, ['first'])
  client.destroy()
  await door.stillServes(t)
})

test('a command of 33 KB is answered with a clear message', async t => {
  const door = await openDoor(t, never)
  const { status, stderr } = await door.ssh([`config:set A=${'x'.repeat(33 * 1024)}`])
  t.is(status, 1)
  t.regex(stderr, /The command is 33805 bytes long, and at most 32768 can be sent \(usage\)/)
  t.regex(stderr, /--env-file -/)
  await door.stillServes(t)
})

test('a command of a megabyte costs the client its connection and nobody else', async t => {
  const door = await openDoor(t, never)
  const client = await hostile(door)
  const channel = await openChannel(client)
  const gone = closed(client)
  inside(client)._protocol.exec(channel.outgoing.id, 'x'.repeat(1 << 20), true)
  await gone
  await door.stillServes(t)
  t.pass()
})

for (const [what, command] of Object.entries({ NUL: 'hello\0 x', 'an escape sequence': 'hello \x1b[2J' })) {
  test(`a command that holds ${what} is refused`, async t => {
    const door = await openDoor(t, never)
    const client = await hostile(door)
    const channel = await openChannel(client)
    let said = ''
    channel.stderr.on('data', (chunk: Buffer) => {
      said += chunk
    })
    const status = new Promise(resolve => channel.once('exit', resolve))
    await exec(client, channel, command)
    t.is(await status, 1)
    t.regex(said, /The command holds a control character/)
    client.destroy()
    await door.stillServes(t)
  })
}

test('a client that sends more than its window allows is cut off at once', async t => {
  let session: Session | undefined
  const door = await openDoor(t, s => {
    session = s
    return never(s)
  })
  const client = await hostile(door)
  const channel = await openChannel(client)
  await exec(client, channel, 'x')
  const gone = closed(client)
  for (let i = 0; i < 300; i += 1)
    inside(client)._protocol.channelData(channel.outgoing.id, Buffer.alloc(32768))
  await gone
  await until(() => session?.signal.aborted === true)
  t.true(door.log.some(line => line.fields.why === 'it sent more than its window allows'))
  await door.stillServes(t)
})

test('a client that fills its window to the last byte is not cut off', async t => {
  const used = Promise.withResolvers<void>()
  const door = await openDoor(t, async session => {
    let bytes = 0
    await used.promise
    for await (const chunk of session.stdin) bytes += chunk.length
    session.stdout.write(String(bytes))
    return 0
  })
  const client = await hostile(door)
  const channel = await openChannel(client)
  await exec(client, channel, 'x')
  const size = 8 * 1024 * 1024
  channel.end(Buffer.alloc(size))
  await windowUsed(channel)
  let said = ''
  channel.on('data', (chunk: Buffer) => {
    said += chunk
  })
  const status = new Promise(resolve => channel.once('exit', resolve))
  used.resolve()
  t.is(await status, 0)
  t.is(said, String(size))
  client.destroy()
})

test('what a client sent before it vanished can still be read, and reading it takes nothing down', async t => {
  let session: Session | undefined
  const door = await openDoor(t, s => {
    session = s
    return never(s)
  })
  const client = await hostile(door)
  const channel = await openChannel(client)
  await exec(client, channel, 'x')
  channel.write(Buffer.alloc(8 * 1024 * 1024))
  await windowUsed(channel)
  client.end()
  await until(() => session?.signal.aborted === true)
  let bytes = 0
  for await (const chunk of session?.stdin ?? []) bytes += chunk.length
  t.true(bytes >= 2 * 1024 * 1024)
  await door.stillServes(t)
})

test('a client that offers packets of no size is cut off instead of blocking the gateway', async t => {
  const door = await openDoor(t, never)
  for (const size of [0, 1]) {
    const client = await hostile(door)
    const gone = closed(client)
    void openChannel(client, 1 << 20, size).then(
      channel => exec(client, channel, 'hello'),
      () => {},
    )
    await gone
  }
  await door.stillServes(t)
  t.pass()
})

test('a client that asks and never reads the answers is cut off', async t => {
  const door = await openDoor(
    t,
    async ({ stdout, signal }) => {
      // Fills what the kernel holds, so that every answer stays with us.
      while (!signal.aborted) {
        if (!stdout.write(Buffer.alloc(1 << 20))) await new Promise(resolve => stdout.once('drain', resolve))
      }
      return 0
    },
    { unread: 256 * 1024 },
  )
  const client = await hostile(door)
  await exec(client, await openChannel(client, 0xffffffff), 'x')
  inside(client)._sock.pause()
  const cut = () => door.log.some(line => line.fields.why === 'it asks and does not read the answers')
  while (!cut()) {
    for (let i = 0; i < 500; i += 1) inside(client)._protocol.ping()
    await until(() => cut() || inside(client)._sock.writableLength === 0)
    await new Promise(resolve => setImmediate(resolve))
  }
  client.destroy()
  await door.stillServes(t)
})

test('a client with a huge window that does not read makes the command wait', async t => {
  let accepted = 0
  const limit = 256 * 1024 * 1024
  const door = await openDoor(t, async session => {
    while (accepted < limit && !session.signal.aborted) {
      const room = session.stdout.write(Buffer.alloc(1 << 20))
      accepted += 1 << 20
      if (!room) await new Promise(resolve => session.stdout.once('drain', resolve))
    }
    return 0
  })
  const client = await hostile(door)
  const channel = await openChannel(client, 0xffffffff)
  await exec(client, channel, 'x')
  inside(client)._sock.pause()
  let seen = -1
  while (seen !== accepted) {
    seen = accepted
    await new Promise(resolve => setTimeout(resolve, 400))
  }
  t.true(accepted > 0 && accepted < limit / 4, `${accepted} bytes`)
  client.destroy()
  await until(() => accepted < limit)
  await door.stillServes(t)
})

test('compression is not offered, so nothing can be blown up', async t => {
  const door = await openDoor(t, never)
  await t.throwsAsync(hostile(door, { algorithms: { compress: ['zlib'] } }), { message: /no matching/ })
  await t.throwsAsync(hostile(door, { algorithms: { compress: ['zlib@openssh.com'] } }), {
    message: /no matching/,
  })
  await door.stillServes(t)
})

test('one address gets no more than its connections, and gets another when one ends', async t => {
  const door = await openDoor(t, never, { connectionsPerAddress: 2 })
  const first = await knock(door.door.port)
  const second = await knock(door.door.port)
  await until(() => second.received() !== '')
  const third = await knock(door.door.port)
  await third.closed
  t.is(third.received(), 'Too many connections, try again later\r\n')
  t.true(door.log.some(line => line.fields.limit === 'connectionsPerAddress'))
  first.socket.destroy()
  second.socket.destroy()
  await until(() => first.socket.destroyed && second.socket.destroyed)
  let status: number | null = 255
  while (status !== 0) status = (await door.ssh(['hello'])).status
  t.pass()
})

test('who is logged in does not take a place from those who log in', async t => {
  const door = await openDoor(t, never, { pending: 1 })
  const member = await hostile(door)
  await door.stillServes(t)
  const halfOpen = await knock(door.door.port)
  await until(() => halfOpen.received() !== '')
  t.is((await door.ssh(['hello'])).status, 255)
  halfOpen.socket.destroy()
  member.destroy()
})

test('200 clients of one address log in at the same moment', async t => {
  // Both sides of all of them are this one process: how long that takes is the machine's.
  const door = await openDoor(t, never, { loginGrace: 120 })
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => hostile(door, { readyTimeout: 120_000 })),
  )
  t.is(clients.length, 200)
  for (const client of clients) client.destroy()
  await door.stillServes(t)
})
