import test from 'ava'
import fc from 'fast-check'
import { pack } from '../../../src/cli/wire.ts'
import { splitWords } from '../../../src/domain/words.ts'

test('plain words are the command itself, quoted', t => {
  t.deepEqual(pack(['@my-env/my-app', 'logs', "it's", 'two words', '']), {
    command: "@my-env/my-app logs 'it'\\''s' 'two words' ''",
    preamble: null,
  })
})

test('a word that sets a value never stands in the command', t => {
  const parcel = pack(['config:set', 'PASSWORD=s3cret\nline two'])
  t.is(parcel.command, 'words-on-stdin')
  t.is(parcel.preamble, '["config:set","PASSWORD=s3cret\\nline two"]\n')
})

test('an address with a query, which may be signed by it, goes by standard input', t => {
  t.is(pack(['registry:uri', 'https://files.example.com/config.json?s3cret']).command, 'words-on-stdin')
  t.is(pack(['registry:uri', 'https://files.example.com/config.json']).preamble, null)
})

test('more than 8 KiB travel on standard input, counted in bytes', t => {
  t.is(pack(['x'.repeat(8192)]).preamble, null)
  t.is(pack(['x'.repeat(8193)]).command, 'words-on-stdin')
  t.is(pack(['x', `"${'é'.repeat(4095)}`]).command, 'words-on-stdin')
})

test('whatever the words, the other side reads back exactly them', t => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), words => {
      const { command, preamble } = pack(words)
      t.deepEqual(preamble === null ? splitWords(command) : JSON.parse(preamble), words)
      t.true(preamble === null || preamble.indexOf('\n') === preamble.length - 1)
    }),
  )
})

test('at a terminal, which standard input has to stay, every word that fits stands in the command', t => {
  t.deepEqual(pack(['run', 'env', 'A=b', 'irb'], true), { command: 'run env A=b irb', preamble: null })
  t.is(pack(['run', 'x'.repeat(9000)], true).command, 'words-on-stdin')
})
