// The gateway's own disk is full from some step of a deploy or another change on: nothing more can be recorded, what runs
// goes on running, and once there is space again doctor puts right what could not be written down.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { DOINGS, type FaultGround, faultGround } from '../support/fault-ground.ts'
import { ALL, type Fault } from '../support/fault-steps.ts'
import { fillDisk } from '../support/fill-disk.ts'
import { until } from '../support/until.ts'

let disk: string
let ground: FaultGround

test.before(async () => {
  disk = mkdtempSync(join(tmpdir(), 'fairlead-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,mode=0700', 'tmpfs', disk])
  ground = await faultGround({ data: join(disk, 'data') })
})
test.after.always(async () => {
  if (disk === undefined) return
  rmSync(join(disk, 'filler'), { force: true })
  await ground?.dispose()
  execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

for (const doing of ALL ? DOINGS : (['deploy'] as const)) {
  test.serial(
    `a disk that is full from any step of ${doing} on: one release serves, and doctor mends the record`,
    async t => {
      t.timeout(3_600_000)
      const { gateway } = ground
      const app = await ground.serving(t)
      t.teardown(() => ground.remove(app))
      const fault: Fault = {
        name: 'the disk is full',
        when: 'asked',
        async strike(held, answered) {
          const filler = fillDisk(disk)
          held.release()
          await answered
          const full = await gateway.ssh('doctor')
          t.is(full.status, 1, full.all)
          t.regex(full.stdout, /^gateway +disk-low /m)
          rmSync(filler)
          await until('doctor has mended what is left', async () => {
            const fixed = await gateway.ssh('doctor --fix')
            return fixed.status === 0 && !fixed.stderr.includes('left out')
          })
        },
      }
      await ground.strikeEach(t, app, doing, fault, 2)
    },
  )
}
