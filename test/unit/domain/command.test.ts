import test from 'ava'
import { containerCommand } from '../../../src/domain/command.ts'
import { Problem } from '../../../src/domain/problem.ts'

const plain = { entrypoint: [], command: ['nginx'] }
const withEntrypoint = { entrypoint: ['/init', '--'], command: ['default'] }

test('without an ENTRYPOINT the line is a script of /bin/sh, handed over unread', t => {
  const command = `exec a "$PORT" && 'b`
  t.deepEqual(containerCommand({ name: 'web', command }, plain), { command: ['/bin/sh', '-c', command] })
})

test('with an ENTRYPOINT the words of the line are its arguments, and no shell expands them', t => {
  t.deepEqual(containerCommand({ name: 'web', command: `serve "a b" $PORT 'c;d' && e` }, withEntrypoint), {
    command: ['serve', 'a b', '$PORT', 'c;d', '&&', 'e'],
  })
})

test('a process without a line runs the image as it is', t => {
  t.deepEqual(containerCommand({ name: 'cmd', command: null }, plain), {})
  t.deepEqual(containerCommand({ name: 'cmd', command: null }, { entrypoint: ['/init'], command: [] }), {})
})

test('an image with neither CMD nor ENTRYPOINT has nothing to run without a Procfile', t => {
  const run = () => containerCommand({ name: 'cmd', command: null }, { entrypoint: [], command: [] })
  const problem = t.throws(run, { instanceOf: Problem })
  t.is(problem?.code, 'no-command')
  t.is(
    problem?.headline,
    'There is nothing to run for cmd: no Procfile, and the image has no CMD or ENTRYPOINT',
  )
  t.regex(problem?.hint ?? '', /Commit a Procfile/)
})

test('a quote left open in front of an ENTRYPOINT is refused with the process and its line', t => {
  const run = () => containerCommand({ name: 'worker', command: `run "it's` }, withEntrypoint)
  const problem = t.throws(run, { instanceOf: Problem })
  t.is(problem?.code, 'procfile-invalid')
  t.is(
    problem?.headline,
    'Procfile: the command of worker cannot be split into words: the " at character 5 is never closed',
  )
  t.is(problem?.saw, `worker: run "it's`)
  t.regex(problem?.hint ?? '', /^Close the quote\. The image has an ENTRYPOINT/)
})
