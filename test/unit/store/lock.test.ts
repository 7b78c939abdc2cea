// The lock on a data directory: one gateway at a time, and no end of a process that leaves it behind.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { Problem } from '../../../src/domain/problem.ts'
import { lockFile } from '../../../src/store/lock.ts'

const LOCK = fileURLToPath(new URL('../../../src/store/lock.ts', import.meta.url))

test('a lock that is held refuses another process, and is free as soon as its holder was killed', async t => {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-lock-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const path = join(directory, 'gateway.lock')
  const program = `import { lockFile } from ${JSON.stringify(LOCK)}
const free = lockFile(process.argv[1])
console.log('held')
process.stdin.on('data', free)`
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', program, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(holder, 'exit')
  t.teardown(() => holder.kill('SIGKILL'))
  await once(createInterface({ input: holder.stdout }), 'line')
  const refused = t.throws(() => lockFile(path), { instanceOf: Problem })
  t.is(refused.headline, 'Another gateway runs on this data directory')

  holder.kill('SIGKILL')
  t.deepEqual(await exited, [null, 'SIGKILL'])
  lockFile(path)()
})
