import { execFile } from 'node:child_process'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'

const CHECK = new URL('../../src/healthcheck.ts', import.meta.url).pathname

async function listen(t: ExecutionContext, greet: (socket: Socket) => void): Promise<number> {
  const server = createServer(socket => greet(socket.on('error', () => {})))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

function check(address: string): Promise<{ status: number; stderr: string }> {
  return new Promise(resolve => {
    execFile(process.execPath, [CHECK, address], (error, _stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stderr }),
    )
  })
}

test('a gateway that greets is healthy, also where it listens on every address', async t => {
  const port = await listen(t, socket => void socket.write('SSH-2.0-Fairlead\r\n'))
  t.deepEqual(await check(`127.0.0.1:${port}`), { status: 0, stderr: '' })
  t.deepEqual(await check(`0.0.0.0:${port}`), { status: 0, stderr: '' })
})

test('what is no SSH server is not healthy', async t => {
  const port = await listen(t, socket => void socket.write('HTTP/1.1 400 Bad Request\r\n'))
  t.deepEqual(await check(`127.0.0.1:${port}`), {
    status: 1,
    stderr: 'what answers there is no SSH server\n',
  })
})

test('a connection that is closed without a word, or refused, is not healthy', async t => {
  const port = await listen(t, socket => void socket.end())
  t.deepEqual(await check(`127.0.0.1:${port}`), {
    status: 1,
    stderr: 'the connection was closed before a greeting\n',
  })
  t.regex((await check('127.0.0.1:1')).stderr, /ECONNREFUSED/)
})

test('without an address it says how it is called', async t => {
  t.deepEqual(await check('nonsense'), { status: 1, stderr: 'usage: healthcheck.ts HOST:PORT\n' })
})
