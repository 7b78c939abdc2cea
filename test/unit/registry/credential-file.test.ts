import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import fc from 'fast-check'
import { Problem } from '../../../src/domain/problem.ts'
import { readCredentialFile } from '../../../src/registry/credential-file.ts'
import { caughtProblem } from '../../support/caught-problem.ts'
import { makeTar, makeTarGz } from '../../support/credential-archive.ts'

const PASSWORD = 'hunter2-s3cret'
const login = (user: string) => ({ auth: Buffer.from(`${user}:${PASSWORD}`).toString('base64') })
const config = (user = 'bob') => JSON.stringify({ auths: { 'quay.io': login(user) } })
const FROM = { source: 'the test', file: 'docker.tar.gz' }
const HINT = 'Make it with `tar -C ~ -czf docker.tar.gz .docker/config.json`.'

async function read(bytes: Buffer): Promise<string[]> {
  const auths = await readCredentialFile(bytes, FROM)
  return auths.map(each => `${each.host} ${each.username}:${each.password.reveal()} (${each.source})`)
}
const refusal = (bytes: Buffer) => caughtProblem(read(bytes))
const EXPECTED = [`quay.io bob:${PASSWORD} (the test)`]

test('text is a dockercfg of either shape', async t => {
  t.deepEqual(await read(Buffer.from(config())), EXPECTED)
  t.deepEqual(await read(Buffer.from(JSON.stringify({ 'quay.io': login('bob') }))), EXPECTED)
  t.deepEqual(await read(Buffer.from(`\ufeff${config()}`)), EXPECTED)
})

test('the archive that tar makes of a .docker directory is read', async t => {
  const home = mkdtempSync(join(tmpdir(), 'fairlead-archive-'))
  t.teardown(() => rmSync(home, { recursive: true }))
  mkdirSync(join(home, '.docker'))
  writeFileSync(join(home, '.docker', 'config.json'), config())
  for (const words of [
    ['-czf', 'a', '.docker'],
    ['-czf', 'a', './.docker'],
    ['-cf', 'a', '--format=ustar', '.docker'],
    ['-czf', 'a', '--format=pax', '.docker'],
  ]) {
    execFileSync('tar', words, { cwd: home })
    t.deepEqual(await read(readFileSync(join(home, 'a'))), EXPECTED, words.join(' '))
  }
})

for (const name of ['.docker/config.json', './.docker/config.json', 'docker/config.json', 'config.json']) {
  test(`an archive may hold ${name}`, async t => {
    t.deepEqual(await read(await makeTarGz({ name, content: config() })), EXPECTED)
    t.deepEqual(await read(await makeTar({ name, content: config() })), EXPECTED)
  })
}

test('an archive may hold a .dockercfg, and .docker/config.json counts before it', async t => {
  const old = { name: '.dockercfg', content: JSON.stringify({ 'quay.io': login('old') }) }
  t.deepEqual(await read(await makeTarGz(old)), [`quay.io old:${PASSWORD} (the test)`])
  t.deepEqual(await read(await makeTarGz(old, { name: '.docker/config.json', content: config() })), EXPECTED)
})

test('an archive without the file is refused with the names that are in it', async t => {
  const entries = Array.from({ length: 7 }, (_, i) => ({ name: `root/${i}\u001b[2J`, content: 'x' }))
  t.deepEqual(await refusal(await makeTarGz(...entries)), {
    code: 'dockercfg-invalid',
    headline: 'docker.tar.gz holds no .docker/config.json',
    saw: 'The files in it: root/0\\u{1b}[2J, root/1\\u{1b}[2J, root/2\\u{1b}[2J, root/3\\u{1b}[2J, root/4\\u{1b}[2J and 2 more.',
    hint: HINT,
  })
  t.is((await refusal(await makeTarGz())).saw, 'There is no file in it.')
})

test('links and other entries that are no files are read over', async t => {
  const strange = [
    { name: '.docker/config.json', type: 'symlink', linkname: '/etc/passwd' },
    { name: '.docker/config.json', type: 'link', linkname: 'other' },
    { name: '.docker/config.json', type: 'fifo' },
    { name: 'other', content: config() },
  ] as const
  t.is((await refusal(await makeTarGz(...strange))).saw, 'The files in it: other.')
  const directory = { name: '.docker', type: 'directory' } as const
  t.deepEqual(await read(await makeTarGz(directory, { name: 'config.json', content: config() })), EXPECTED)
})

test('a JSON error in an archive names the file and the archive', async t => {
  const problem = await refusal(await makeTarGz({ name: '.docker/config.json', content: '{' }))
  t.is(problem.headline, 'Failed to parse dockercfg: .docker/config.json in docker.tar.gz, line 1, column 2')
})

test('an archive that is cut off or damaged, and a gzip of something else, are refused', async t => {
  const whole = await makeTarGz({ name: 'config.json', content: config() })
  t.deepEqual(await refusal(whole.subarray(0, whole.length - 20)), {
    code: 'dockercfg-invalid',
    headline: 'docker.tar.gz is cut off or damaged: its gzip cannot be read to the end',
    saw: undefined,
    hint: HINT,
  })
  const noTar = 'docker.tar.gz is not a tar archive, or is cut off or damaged'
  t.is((await refusal(gzipSync(config().repeat(50)))).headline, noTar)
  const tar = await makeTar({ name: 'config.json', content: config() })
  t.is((await refusal(tar.subarray(0, 520))).headline, noTar)
})

test('an entry whose size is no number is refused, and nobody waits for it', async t => {
  const tar = await makeTar({ name: 'config.json', content: config() })
  tar[124] = 0xb0
  tar.fill(' ', 148, 156)
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  const noTar = 'docker.tar.gz is not a tar archive, or is cut off or damaged'
  t.is((await refusal(tar)).headline, noTar)
})

test('what unpacks to more than 8 MiB is refused, and so are more than 1000 entries and more than 1 MiB', async t => {
  const bomb = gzipSync(Buffer.alloc(9 * 1024 * 1024))
  t.true(bomb.length < 10_000)
  t.is((await refusal(bomb)).headline, 'docker.tar.gz unpacks to more than 8388608 bytes')
  const many = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}` }))
  t.is((await refusal(await makeTarGz(...many))).headline, 'docker.tar.gz has more than 1000 entries')
  t.deepEqual(await refusal(Buffer.alloc(1024 * 1024 + 1, 0x20)), {
    code: 'dockercfg-invalid',
    headline: 'docker.tar.gz is too large for a file of registry credentials',
    saw: '1048577 bytes, and at most 1048576 are read.',
    hint: 'Give the config.json of docker, or a docker.tar.gz with nothing else in it.',
  })
})

test('whatever the bytes, there is a Problem or something was read', async t => {
  const tar = await makeTar({ name: 'config.json', content: config() })
  const damaged = fc.tuple(fc.nat(tar.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(tar)
    bytes[at] = byte
    return bytes
  })
  const bytes = fc.oneof(
    damaged,
    damaged.map(each => gzipSync(each)),
    fc.uint8Array().map(each => Buffer.from(each)),
    fc.uint8Array().map(each => Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), each])),
  )
  await fc.assert(
    fc.asyncProperty(bytes, async each => {
      const failed = await read(each).then(
        () => null,
        (error: unknown) => error,
      )
      t.true(failed === null || failed instanceof Problem)
      t.false(failed instanceof Problem && `${failed.stack}${failed.saw}`.includes(PASSWORD))
    }),
  )
})
