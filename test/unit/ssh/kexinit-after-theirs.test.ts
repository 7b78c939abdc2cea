// Our half of the first key exchange goes out when the client's half has come, and without it only after a wait.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { sendKexInitAfterTheirs } from '../../../src/ssh/kexinit-after-theirs.ts'
import { until } from '../../support/until.ts'
import { openDoor } from './front-door.ts'

const HOUR = 3_600_000
const LINE = 'SSH-2.0-tests\r\n'

/** A client of a server that writes as ssh2 does: its line at once, its KEXINIT upon the first line of the client. */
async function bench(t: ExecutionContext, patience: number) {
  const server = createServer(socket => {
    socket.on('error', () => {})
    sendKexInitAfterTheirs(socket, patience)
    socket.write('line ')
    socket.on('data', chunk => {
      if (chunk.includes('\n')) socket.write('kexinit ')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted: Promise<Socket> = once(server, 'connection').then(([socket]) => socket)
  const client = connect((server.address() as { port: number }).port, '127.0.0.1')
  t.teardown(() => {
    client.destroy()
    server.close()
  })
  return { client, heard: hears(client), server: await accepted }
}

function hears(client: Socket): () => string {
  let heard = ''
  client.setEncoding('latin1').on('data', text => {
    heard += text
  })
  return () => heard
}

test('it waits for theirs', async t => {
  const { client, heard, server } = await bench(t, HOUR)
  client.write(LINE.slice(0, 5))
  client.write(LINE.slice(5))
  await until('it is held', async () => server.writableLength > 0)
  t.is(heard(), 'line ')
  client.write('\0')
  await until('it has come', async () => heard() === 'line kexinit ')
  t.is(server.writableCorked, 0)
  t.is(server.listenerCount('data'), 1)
})

test('it goes at once where theirs came with their first line', async t => {
  const { client, heard } = await bench(t, HOUR)
  client.write(`${LINE}\0`)
  await until('it has come', async () => heard() === 'line kexinit ')
  t.pass()
})

test('a client that waits for ours gets it all the same', async t => {
  const { client, heard } = await bench(t, 1)
  client.write(LINE)
  await until('it has come', async () => heard() === 'line kexinit ')
  t.pass()
})

test('who leaves meanwhile leaves nothing that waits', async t => {
  const { client, server } = await bench(t, HOUR)
  client.write(LINE)
  await until('it is held', async () => server.writableLength > 0)
  client.destroy()
  await once(server, 'close')
  t.is(server.listenerCount('data'), 1)
})

test('the front door does so', async t => {
  const door = await openDoor(t, async () => 0, { kexInitWait: HOUR })
  const client = connect(door.door.port, '127.0.0.1')
  t.teardown(() => client.destroy())
  const heard = hears(client)
  client.write(LINE)
  // Another one comes and goes in that time.
  t.is((await door.ssh(['true'])).status, 0)
  t.is(heard(), 'SSH-2.0-fairlead\r\n')
  client.write('\0')
  await until('ours has come', async () => heard().includes('curve25519'))
})
