import test from 'ava'
import fc from 'fast-check'
import { isRun, oneOffCommand, subjectOf } from '../../../src/domain/one-off.ts'

test('several words are a program and its arguments, as they are', t => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 2 }), words => {
      t.deepEqual(oneOffCommand(words), { entrypoint: [], command: words })
    }),
  )
})

test('one word is the name of a program, or a line for a shell when it is more', t => {
  for (const program of ['env', '/bin/sh', 'rake', './bin/x-y_1.2', 'db:migrate', 'ab@c,d+e%f'])
    t.deepEqual(oneOffCommand([program]).command, [program])
  for (const line of ['rake db:migrate', 'a;b', '$X', 'A=1', '(a)', 'x|y', '~', '*', ''])
    t.deepEqual(oneOffCommand([line]).command, ['/bin/sh', '-c', line])
})

test('the image’s ENTRYPOINT is cleared', t => {
  t.deepEqual(oneOffCommand(['x']).entrypoint, [])
  t.deepEqual(oneOffCommand(['x y']).entrypoint, [])
})

test('what is recorded is the first word without what may be a value in it', t => {
  t.is(subjectOf(['rake', 'db:migrate', 'TOKEN=sesame']), 'rake')
  t.is(subjectOf(['rake db:migrate && echo sesame']), 'rake')
  t.is(subjectOf(['TOKEN=sesame rake']), 'TOKEN…')
  t.is(subjectOf(['https://ann:sesame@host/x']), 'https…')
  t.is(subjectOf(['\u001b[2Jx']), '…')
  t.is(subjectOf(['x'.repeat(200)]), `${'x'.repeat(60)}…`)
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), words => {
      t.regex(subjectOf(words), /^[\w+./-]{0,60}…?$/)
    }),
  )
})

test('a process of the Procfile that is called run is no one-off', t => {
  const labels = { environment: 'e', app: 'a', release: 1, process: 'run', index: 1, oneOff: false }
  t.false(isRun(labels))
  t.true(isRun({ ...labels, oneOff: true }))
  t.false(isRun({ ...labels, oneOff: true, process: 'before-release' }))
})
