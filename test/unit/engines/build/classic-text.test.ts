import test from 'ava'
import type { BuildLine } from '../../../../src/engines/build/building.ts'
import { ClassicText } from '../../../../src/engines/build/classic-text.ts'
import { Steps } from '../../../../src/engines/build/steps.ts'
import { listen } from '../../../support/build-fixtures.ts'

function read(...lines: (BuildLine | string)[]) {
  const heard = listen()
  const text = new ClassicText(new Steps(heard), 1)
  for (const line of lines) text.read(typeof line === 'string' ? { stream: line } : line)
  return { ...heard, text }
}

test('steps and their output are shown, the remarks of the builder and its label step are not', t => {
  const { lines, text } = read(
    'Step 1/3 : FROM base',
    '\n',
    { status: 'Pulling from base', id: '1' },
    ' ---> 06f13d2168a6\n',
    'Step 2/3 : RUN make',
    '\n',
    ' ---> Running in 4e1bd09a7fa5\n',
    'one\n',
    '\u001b[91mtwo\n\u001b[0m',
    'Removing intermediate container 4e1bd09a7fa5\n',
    ' ---> 58a11255df07\n',
    'Step 3/3 : LABEL fairlead.app=x',
    '\n',
    ' ---> Running in 5e1bd09a7fa5\n',
    'Removing intermediate container 5e1bd09a7fa5\n',
    ' ---> 80b14661726d\n',
    { aux: { ID: 'sha256:80b14661726db9788a6f' } },
    'Successfully built 80b14661726d\n',
    'Successfully tagged x:y\n',
  )
  t.deepEqual(lines, ['       [1/2] FROM base', '       [2/2] RUN make', '         one', '         two'])
  t.true(text.built)
})

test('a cached step says so', t => {
  const { lines } = read('Step 1/2 : RUN make', '\n', ' ---> Using cache\n', ' ---> 06f13d2168a6\n')
  t.deepEqual(lines, ['       [1/1] RUN make', '       [1/1]  CACHED'])
})

test('what a RUN prints is never taken for the word of the builder', t => {
  const { lines, text } = read(
    { aux: { ID: 'sha256:80b14661726db9788a6f' } },
    'Step 1/2 : RUN lie',
    '\n',
    ' ---> Running in 4e1bd09a7fa5\n',
    'Successfully built 80b14661726d\n',
    'Step 9/9 : RUN nothing',
  )
  t.false(text.built)
  t.deepEqual(lines, ['       [1/1] RUN lie', '         Successfully built 80b14661726d'])
})

test('an end that names another image than the last is no success', t => {
  t.false(
    read({ aux: { ID: 'sha256:80b14661726db9788a6f' } }, 'Successfully built 0123456789ab\n').text.built,
  )
})

test('layers that are downloaded give one percentage', t => {
  const { progressed } = read(
    'Step 1/2 : FROM base',
    { status: 'Downloading', id: 'a', progressDetail: { current: 1_000_000, total: 2_000_000 } },
    { status: 'Download complete', id: 'a', progressDetail: {} },
    { status: 'Extracting', id: 'a', progressDetail: { current: 1, total: 9_000_000 } },
  )
  t.deepEqual(progressed, [
    '       Downloading 1 layer: 50% of 2.0 MB',
    '       Downloading 1 layer: 100% of 2.0 MB',
  ])
})
