import { readFile } from 'node:fs/promises'
import test from 'ava'
import ssh2 from 'ssh2'
import { openDoor } from './front-door.ts'

const kinds: Record<string, string[]> = {
  ed25519: ['-t', 'ed25519'],
  'ecdsa of 256 bits': ['-t', 'ecdsa', '-b', '256'],
  'ecdsa of 384 bits': ['-t', 'ecdsa', '-b', '384'],
  'ecdsa of 521 bits': ['-t', 'ecdsa', '-b', '521'],
  'rsa of 2048 bits': ['-t', 'rsa', '-b', '2048'],
}

for (const [kind, args] of Object.entries(kinds)) {
  test(`a key made by ssh-keygen logs in: ${kind}`, async t => {
    const door = await openDoor(t, async () => 0)
    const { status, stdout, stderr } = await door.ssh(['hello'], { key: await door.makeKey('other', args) })
    t.deepEqual([status, stdout], [0, 'hello ann\n'], stderr)
  })

  test(`a stranger's key does not log in: ${kind}`, async t => {
    const door = await openDoor(t, async () => 0)
    const { status, stderr } = await door.ssh(['hello'], { key: await door.makeKey('other', args, true) })
    t.is(status, 255)
    t.regex(stderr, /Permission denied \(publickey\)/)
    await door.stillServes(t)
  })
}

test('an RSA signature over SHA-1 is refused, one over SHA-256 is not', async t => {
  const door = await openDoor(t, async () => 0)
  const key = await door.makeKey('rsa', ['-t', 'rsa', '-b', '2048'])
  const sign = (algo: string) =>
    door.ssh(['hello'], { key, extra: ['-o', `PubkeyAcceptedAlgorithms=${algo}`] })
  t.is((await sign('rsa-sha2-256')).status, 0)
  const sha1 = await sign('ssh-rsa')
  t.is(sha1.status, 255)
  t.regex(sha1.stderr, /Permission denied \(publickey\)/)
})

test('a client that signs with rsa-sha2-512 and nothing else cannot log in, as long as ssh2 announces it wrongly', async t => {
  const door = await openDoor(t, async () => 0)
  const key = await door.makeKey('rsa', ['-t', 'rsa', '-b', '2048'])
  const only = await door.ssh(['hello'], { key, extra: ['-o', 'PubkeyAcceptedAlgorithms=rsa-sha2-512'] })
  t.is(only.status, 255)
  const both = await door.ssh(['hello'], {
    key,
    extra: ['-o', 'PubkeyAcceptedAlgorithms=rsa-sha2-512,rsa-sha2-256'],
  })
  t.is(both.status, 0)
})

test('the sixth key is tried and the seventh is not', async t => {
  const door = await openDoor(t, async () => 0)
  const strangers: string[] = []
  for (let i = 1; i <= 6; i += 1) strangers.push(await door.makeKey(`stranger${i}`, ['-t', 'ed25519'], true))
  const [first = '', ...others] = strangers
  const offer = (keys: string[]) => keys.flatMap(key => ['-i', key])
  const good = `${door.directory}/id`
  const sixth = await door.ssh(['hello'], { key: first, extra: offer([...others.slice(0, 4), good]) })
  t.is(sixth.stdout, 'hello ann\n', sixth.stderr)
  const seventh = await door.ssh(['hello'], { key: first, extra: offer([...others, good]) })
  t.is(seventh.status, 255)
  t.true(door.log.some(line => line.message === 'login cut off after too many tries'))
  await door.stillServes(t)
})

test('knowing the public key of a member is not enough: a wrong signature is refused and counted', async t => {
  const door = await openDoor(t, async () => 0)
  const own = ssh2.utils.parseKey(await readFile(`${door.directory}/id.pub`))
  const forged = ssh2.utils.parseKey(ssh2.utils.generateKeyPairSync('ed25519').private)
  if (own instanceof Error || forged instanceof Error) return t.fail()
  // Claims the member's public key, and signs with another.
  Object.defineProperty(forged, 'getPublicSSH', { value: () => own.getPublicSSH() })
  let sent = 0
  const client = new ssh2.Client()
  const ready = new Promise<string>(resolve => {
    client.on('ready', () => resolve('logged in'))
    client.on('error', () => {})
    client.on('close', () => resolve('closed'))
  })
  client.connect({
    host: '127.0.0.1',
    port: door.door.port,
    username: 'git',
    authHandler: (_left, _partial, next) => {
      sent += 1
      next({ type: 'publickey', username: 'git', key: forged })
    },
  })
  t.is(await ready, 'closed')
  t.is(door.log.filter(line => line.message === 'wrong signature refused').length, 6)
  t.is(sent, 7)
  await door.stillServes(t)
})

test('passwords are not taken', async t => {
  const door = await openDoor(t, async () => 0)
  const client = new ssh2.Client()
  const fault = await new Promise<Error | null>(resolve => {
    client.on('ready', () => resolve(null)).on('error', resolve)
    client.connect({ host: '127.0.0.1', port: door.door.port, username: 'git', password: 'x' })
  })
  t.regex(fault?.message ?? '', /authentication methods failed/)
  await door.stillServes(t)
})
