import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import ssh2 from 'ssh2'
import { Problem } from '../../../src/domain/problem.ts'
import { generateHostKey, loadHostKey } from '../../../src/ssh/host-key.ts'
import { run } from './front-door.ts'

async function keyPath(t: ExecutionContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-host-key-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  return join(directory, 'ssh', 'host_ed25519')
}

test('the first start makes a key for the owner alone, and the next start uses it', async t => {
  const path = await keyPath(t)
  const first = await loadHostKey(path)
  t.true(first.created)
  t.is((await stat(path)).mode & 0o777, 0o600)
  t.deepEqual(await loadHostKey(path), { ...first, created: false })
  t.regex(first.publicLine, /^ssh-ed25519 AAAA/)
  const listed = await run('ssh-keygen', ['-lf', path])
  t.is(listed.stdout.split(' ')[1], first.fingerprint, listed.stderr)
})

test('two gateways that start at once use the same key', async t => {
  const path = await keyPath(t)
  const keys = await Promise.all(Array.from({ length: 8 }, () => loadHostKey(path)))
  t.is(new Set(keys.map(key => key.privateKey)).size, 1)
  t.is(keys.filter(key => key.created).length, 1)
})

test('every key that is made can be read again', t => {
  for (let i = 0; i < 2000; i += 1) {
    const key = ssh2.utils.parseKey(generateHostKey())
    if (key instanceof Error || key.getPublicSSH().length !== 51) return t.fail(`key ${i}`)
  }
  t.pass()
})

test('a key file that others can read is refused, with the command that mends it', async t => {
  const path = await keyPath(t)
  await loadHostKey(path)
  await chmod(path, 0o640)
  const fault = await t.throwsAsync<Problem>(loadHostKey(path), { instanceOf: Problem })
  t.is(fault.code, 'settings-invalid')
  t.regex(fault.saw ?? '', /0640/)
  t.true(fault.hint.includes(`chmod 600 ${path}`))
})

test('a file that holds no usable private key is refused and left as it is', async t => {
  const path = await keyPath(t)
  const { publicLine } = await loadHostKey(path)
  for (const content of ['', 'garbage', publicLine]) {
    await writeFile(path, content)
    const fault = await t.throwsAsync<Problem>(loadHostKey(path), { instanceOf: Problem })
    t.is(fault.code, 'settings-invalid')
    t.is(await readFile(path, 'utf8'), content)
  }
  await rm(path)
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', path])
  const fault = await t.throwsAsync<Problem>(loadHostKey(path), { instanceOf: Problem })
  t.regex(fault.saw ?? '', /ncrypted/)
})
