import test from 'ava'
import { parseAppPath } from '../../../src/domain/app.ts'
import { readEncryptedDockercfg, writeEncryptedDockercfg } from '../../../src/domain/encrypted-dockercfg.ts'

const KEY = `age1${'q'.repeat(58)}`
const ARMOUR = '-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----'
const FILE = writeEncryptedDockercfg(parseAppPath('my-env/my-app'), KEY, `${ARMOUR}\n`)
const read = (text: string) => readEncryptedDockercfg(Buffer.from(text))

test('the first line says for whom it was made, and is read back', t => {
  t.is(FILE, `# dockercfg for my-env/my-app, readable with the key ${KEY}\n${ARMOUR}\n`)
  const madeFor = { app: 'my-env/my-app', recipient: KEY }
  t.deepEqual(read(FILE), { kind: 'armoured', armour: ARMOUR, madeFor })
  t.deepEqual(read(writeEncryptedDockercfg(null, KEY, ARMOUR)), {
    kind: 'armoured',
    armour: ARMOUR,
    madeFor: { app: null, recipient: KEY },
  })
})

test('line ends of Windows are read', t => {
  const { kind, madeFor } = read(FILE.replaceAll('\n', '\r\n')) as { kind: string; madeFor: object }
  t.is(kind, 'armoured')
  t.deepEqual(madeFor, { app: 'my-env/my-app', recipient: KEY })
})

test('what age alone writes needs no first line', t => {
  t.deepEqual(read(ARMOUR), { kind: 'armoured', armour: ARMOUR, madeFor: null })
  t.deepEqual(read('age-encryption.org/v1\n-> X25519 '), { kind: 'binary' })
})

test('wherever it is cut, it is seen to be cut off, unless nothing but its first line is damaged', t => {
  const firstLine = FILE.indexOf('\n') + 1
  for (let end = firstLine; end < FILE.length - 1; end += 1) {
    t.is(read(FILE.slice(0, end)).kind, 'cut-off', `after ${end}`)
  }
})

for (const [kind, text] of [
  ['empty', ''],
  ['empty', ' \n'],
  ['jet', 'codeship:v2\nYWJjZGVm\n'],
  ['jet', Buffer.alloc(99, 7).toString('base64')],
  ['jet', `${Buffer.alloc(100, 8).toString('base64')}\n`],
  ['plain', '{"auths": {}}'],
  ['plain', '\ufeff\n{}'],
  ['unknown', 'hello'],
  ['unknown', '# dockercfg for ../.., readable with the key age1\u001b\nx'],
] as const) {
  test(`${kind}: ${JSON.stringify(text.slice(0, 40))}`, t => {
    t.is(read(text).kind, kind)
  })
}
