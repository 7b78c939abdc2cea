import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import test from 'ava'
import fc from 'fast-check'
import { PushGuard } from '../../../src/git/push-guard.ts'

const zeros = '0'.repeat(40)
const id = 'a'.repeat(40)
const packet = (line: string) => (Buffer.byteLength(line) + 4).toString(16).padStart(4, '0') + line

function through(input: string | Buffer, maxBytes = 1000, cut = 7) {
  const bytes = Buffer.from(input)
  const chunks = Array.from({ length: Math.ceil(bytes.length / cut) }, (_, i) =>
    bytes.subarray(i * cut, (i + 1) * cut),
  )
  const guard = new PushGuard(maxBytes)
  return { guard, out: Readable.from(chunks).pipe(guard) }
}

test('a well-formed push passes unchanged, however it is cut into chunks', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 90 }),
      fc.uint8Array({ maxLength: 200 }),
      async (cut, pack) => {
        const header = `${packet(`shallow ${id}`)}${packet(`${zeros} ${id} refs/heads/x\0 report-status push-options agent=git/2`)}0000${packet('an\noption')}0000`
        const input = Buffer.concat([Buffer.from(header), pack])
        const { guard, out } = through(input, 1000, cut)
        t.deepEqual(await buffer(out), input)
        t.is(guard.refusal, null)
        t.is(guard.shallow, 1)
      },
    ),
  )
})

for (const [what, line] of [
  ['a newline that fakes another ref', `${zeros} ${id} refs/heads/x\n${zeros} ${id} refs/heads/master`],
  ['a traversal', `${zeros} ${id} refs/heads/../../x`],
  ['no refs/ in front', `${zeros} ${id} HEAD`],
  ['a replacement of an object', `${zeros} ${id} refs/replace/${'b'.repeat(40)}`],
  ['a terminal escape', `${zeros} ${id} refs/heads/\u001b[2J`],
  ['a certificate', 'push-cert\0 agent=x'],
  ['no id', 'hello'],
] as const) {
  test(`a ref command with ${what} never reaches git`, async t => {
    const { guard, out } = through(
      `${packet(`${zeros} ${id} refs/heads/fine\0 agent=x`)}${packet(line)}0000PACK`,
    )
    t.is(await text(out.setEncoding('utf8')), packet(`${zeros} ${id} refs/heads/fine\0 agent=x`))
    t.is(guard.refusal?.code, 'name-invalid')
  })
}

test('garbage instead of packets never reaches git', async t => {
  const { guard, out } = through('GET / HTTP/1.1\r\n')
  t.is((await buffer(out)).length, 0)
  t.is(guard.refusal?.headline, 'The push could not be read')
})

test('endless commands and endless options are cut off', async t => {
  for (const line of [`${zeros} ${id} refs/heads/x\0 push-options`, '']) {
    const start = line === '' ? `${packet(`${zeros} ${id} refs/heads/x\0 push-options`)}0000` : ''
    const one = line === '' ? packet('o'.repeat(60_000)) : packet(line).repeat(500)
    const { guard, out } = through(start + one.repeat(200), 1000, 65_536)
    out.resume()
    await new Promise(resolve => out.once('end', resolve))
    t.is(guard.refusal?.headline, 'The push names more refs than the gateway reads at once')
  }
})

test('pack bytes above the limit end the input and name limit and setting', async t => {
  const { guard, out } = through(`${packet(`${zeros} ${id} refs/heads/x\0`)}0000${'P'.repeat(5000)}`, 2048)
  t.true((await buffer(out)).length < 2300)
  t.is(guard.refusal?.headline, 'The push is larger than 2 KiB, the most that this gateway accepts')
  t.regex(guard.refusal?.hint ?? '', /FAIRLEAD_MAX_PUSH/)
})
