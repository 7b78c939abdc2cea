import test from 'ava'
import { healthRuns } from '../../../../src/engines/docker/watching.ts'

test('a run of a HEALTHCHECK that came to no exit code has none, and an engine that kept none says nothing', t => {
  t.deepEqual(healthRuns([{ ExitCode: -1, Output: 'Health check exceeded timeout (1s)' }]), [
    { exitCode: null, output: 'Health check exceeded timeout (1s)' },
  ])
  t.deepEqual(healthRuns(null), [])
  t.deepEqual(healthRuns(undefined), [])
})

test('the line that the engine has cut in two is left out: it could end in half a secret', t => {
  const output = (text: string) => healthRuns([{ ExitCode: 1, Output: text }])[0]?.output
  const full = `${'x'.repeat(4080)}\npassword=hunter`
  t.is(output(`${full}...`), `${'x'.repeat(4080)}\n...`)
  t.is(output(`${'x'.repeat(4096)}...`), '...')
  t.is(output(full), full)
  t.is(output('still starting...'), 'still starting...')
})
