import test from 'ava'
import { healthRuns } from '../../../../src/engines/docker/watching.ts'

test('a run of a HEALTHCHECK that came to no exit code has none, and an engine that kept none says nothing', t => {
  t.deepEqual(healthRuns([{ ExitCode: -1, Output: 'Health check exceeded timeout (1s)' }]), [
    { exitCode: null, output: 'Health check exceeded timeout (1s)' },
  ])
  t.deepEqual(healthRuns(null), [])
  t.deepEqual(healthRuns(undefined), [])
})
