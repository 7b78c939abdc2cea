// Running git to its end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { runGit } from '../../../src/git/git.ts'
import { until } from '../../support/until.ts'

test('an abort ends what git has started, too', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-git-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'pid')
  // It does not hold on to git's pipes, whose end would be waited for otherwise.
  const alias = `alias.slow=!sleep 600 </dev/null >/dev/null 2>&1 & echo $! >${file}; wait`
  const abort = new AbortController()
  const running = runGit(['-c', alias, 'slow'], { signal: abort.signal })
  const pid = await until('it has started', async () => existsSync(file) && readFileSync(file, 'utf8').trim())
  abort.abort(new Error('the gateway stops'))
  await t.throwsAsync(running, { message: 'the gateway stops' })
  // One that nobody has buried yet has no command line.
  const ended = async () => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/cmdline`, 'utf8') === ''
  await until('what it started has ended', ended)
})
