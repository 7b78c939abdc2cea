import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import test from 'ava'
import { openDoor, until } from './front-door.ts'

const SIZE = 50 * 1024 * 1024
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

for (const [how, extra] of Object.entries({
  'in one go': [],
  'with new keys every megabyte': ['-o', 'RekeyLimit=1M'],
})) {
  test(`50 MB go through a child in both directions intact, ${how}`, async t => {
    const door = await openDoor(t, async session => {
      const cat = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] })
      await Promise.all([pipeline(session.stdin, cat.stdin), pipeline(cat.stdout, session.stdout)])
      return 0
    })
    const bytes = randomBytes(SIZE)
    const child = spawn('ssh', [...door.sshArgs(), ...extra, '127.0.0.1', 'x'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    child.stdin.end(bytes)
    const hash = createHash('sha256')
    let received = 0
    child.stdout.on('data', chunk => {
      received += chunk.length
      hash.update(chunk)
    })
    const [status] = await once(child, 'close')
    t.deepEqual([status, received, hash.digest('hex')], [0, SIZE, digest(bytes)])
  })
}

test('both outputs stay intact when both have to wait for the client', async t => {
  const door = await openDoor(t, async session => {
    for (let i = 0; i < 4; i += 1) {
      session.stdout.write(Buffer.alloc(3_000_000, `o${i}`))
      session.stderr.write(Buffer.alloc(3_000_000, `e${i}`))
    }
    return 0
  })
  const { status, stdout, stderr } = await door.ssh(['x'])
  const expected = (letter: string) => [0, 1, 2, 3].map(i => `${letter}${i}`.repeat(1_500_000)).join('')
  t.is(status, 0)
  t.true(stdout === expected('o'), `${stdout.length} bytes of stdout`)
  t.true(stderr === expected('e'), `${stderr.length} bytes of stderr`)
})

test('input that nobody reads makes the client wait, and none of it is lost', async t => {
  const read = Promise.withResolvers<void>()
  let got = ''
  const door = await openDoor(t, async session => {
    await read.promise
    const hash = createHash('sha256')
    for await (const chunk of session.stdin) hash.update(chunk)
    got = hash.digest('hex')
    session.stdout.write('read')
    return 0
  })
  const bytes = randomBytes(20 * 1024 * 1024)
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  let sent = false
  child.stdin.end(bytes, () => {
    sent = true
  })
  // The window is 2 MB: by the time it is used up, most is still with the client.
  let seen = -1
  while (seen !== child.stdin.writableLength) {
    seen = child.stdin.writableLength
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  t.false(sent)
  read.resolve()
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  const [status] = await once(child, 'close')
  t.deepEqual([status, said, got], [0, 'read', digest(bytes)])
})

test('a command that has read all its input, or none of it, can still answer', async t => {
  const door = await openDoor(t, async session => {
    if (session.words[0] === 'some') for await (const _ of session.stdin) break
    if (session.words[0] === 'all') for await (const _ of session.stdin);
    session.stdout.write('answer')
    return 4
  })
  for (const word of ['all', 'some', 'none']) {
    const { status, stdout } = await door.ssh([word], { input: Buffer.alloc(5_000_000) })
    t.deepEqual([word, status, stdout], [word, 4, 'answer'])
  }
})

test('an output that the command has ended or destroyed itself does not hold the exit status back', async t => {
  const door = await openDoor(t, async session => {
    session.stdout.end('done')
    session.stderr.destroy(new Error('broken by the command'))
    return 5
  })
  const { status, stdout } = await door.ssh(['x'])
  t.deepEqual([status, stdout], [5, 'done'])
  await door.stillServes(t)
})

test('a client that is killed while output waits for it takes nothing down', async t => {
  let finished = false
  const door = await openDoor(t, async session => {
    await pipeline(async function* () {
      for (let i = 0; i < 200; i += 1) yield Buffer.alloc(1 << 20)
    }, session.stdout)
    finished = true
    return 0
  })
  const child = spawn('ssh', [...door.sshArgs(), '127.0.0.1', 'x'], { stdio: ['pipe', 'pipe', 'ignore'] })
  await once(child.stdout, 'readable')
  child.kill('SIGKILL')
  await until(() => finished)
  await door.stillServes(t)
  t.deepEqual(
    door.log.filter(line => line.level === 'error'),
    [],
  )
})
