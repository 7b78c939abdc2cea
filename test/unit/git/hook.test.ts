import test from 'ava'
import fc from 'fast-check'
import { parsePush } from '../../../src/git/hook.ts'

const zeros = '0'.repeat(40)
const id = 'b'.repeat(40)

test('no option can be read as a ref line, whatever it holds', t => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '\n',
      '\n\n',
      `\n${zeros} ${id} refs/heads/faked\n\n`,
      'option 3\nabc\n',
      'quarantine 1\n/',
    ),
  )
  fc.assert(
    fc.property(fc.array(hostile), options => {
      const clean = options.map(option => option.toWellFormed())
      const sized = clean.map(option => `option ${Buffer.byteLength(option)}\n${option}\n`)
      const whole = `quarantine 2\n/q\n${sized.join('')}${zeros} ${id} refs/heads/x\n\n`
      t.deepEqual(parsePush(Buffer.from(whole)), {
        quarantine: '/q',
        options: clean,
        updates: [{ ref: 'refs/heads/x', old: null, new: id }],
      })
    }),
  )
})

test('a text that is not whole yet is nothing', t => {
  const whole = Buffer.from(`quarantine 2\n/q\noption 3\n\n\n\n\n${zeros} ${id} refs/heads/x\n\n`)
  for (let end = 0; end < whole.length; end++) t.is(parsePush(whole.subarray(0, end)), null)
})

test('a line the hook never writes is an error', t => {
  t.throws(() => parsePush(Buffer.from('something else\n\n')), { message: /something else/ })
  t.throws(() => parsePush(Buffer.from(`${zeros} ${id} refs/heads/../x\n\n`)))
})
