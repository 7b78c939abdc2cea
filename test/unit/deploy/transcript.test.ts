// What the actor sees on a terminal, and what of it is kept.
import test from 'ava'
import { createTranscript } from '../../../src/deploy/transcript.ts'
import { maskSecrets, Secret } from '../../../src/domain/secret.ts'

function bench() {
  const said: string[] = []
  const kept: string[] = []
  const clock = { now: 0 }
  const transcript = createTranscript(
    text => void said.push(text),
    line => void kept.push(line),
    () => clock.now,
  )
  return { said, kept, clock, transcript }
}

test('progress is shown at most once a second, and not kept', t => {
  const { said, kept, clock, transcript } = bench()
  transcript.progress('1%')
  transcript.progress('2%')
  clock.now = 999
  transcript.progress('3%')
  clock.now = 1000
  transcript.progress('4%')
  t.deepEqual(said, ['1%\r', '4%\r'])
  t.deepEqual(kept, [])
})

test('a shorter text wipes out the longer progress line that it overwrites, and is kept without the blanks', t => {
  const { said, kept, clock, transcript } = bench()
  transcript.progress('layer 3 of 7, 42%')
  clock.now = 1000
  transcript.progress('done')
  transcript.line('ok')
  transcript.line('next')
  t.deepEqual(said, ['layer 3 of 7, 42%\r', 'done             \r', 'ok  \n', 'next\n'])
  t.deepEqual(kept, ['ok', 'next'])
})

test('a text of several lines becomes several lines', t => {
  const { said, kept, transcript } = bench()
  transcript.line('one\ntwo')
  t.deepEqual(said, ['one\n', 'two\n'])
  t.deepEqual(kept, ['one', 'two'])
})

test('every mask that was set hides its secrets from what is shown and what is kept', t => {
  const { said, kept, transcript } = bench()
  transcript.mask(maskSecrets([new Secret('hunter22')]))
  transcript.mask(maskSecrets([new Secret('swordfish')]))
  transcript.progress('with hunter22')
  transcript.line('hunter22 and swordfish')
  t.deepEqual(kept, ['[redacted] and [redacted]'])
  t.true(said.every(text => !/hunter22|swordfish/.test(text)))
})

test('a program that prints without end fills neither the record nor hides how it ended', t => {
  const { said, kept, transcript } = bench()
  for (let i = 0; i < 10_050; i++) transcript.line(`line ${i}`)
  t.is(said.length, 10_050)
  t.is(kept.length, 10_000)
  t.is(kept.at(-1), '       (what follows was shown, and is too much to be kept)')
  transcript.makeRoom()
  transcript.line(' !     It failed')
  t.is(kept.at(-1), ' !     It failed')
  transcript.line('x'.repeat(5000))
  t.is(kept.at(-1)?.length, 4000)
})
