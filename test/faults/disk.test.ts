// The gateway's own disk is full from some step of a deploy on: nothing more can be recorded, what runs goes on running,
// and once there is space again doctor puts right what could not be written down.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { type FaultGround, faultGround, stepsOf } from '../support/fault-ground.ts'
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

test.serial(
  'a disk that is full from any step of a deploy on: one release serves, and doctor mends the record',
  async t => {
    t.timeout(3_600_000)
    const { gate, gateway } = ground
    const app = await ground.serving(t)
    const before = gate.requests
    t.is((await ground.begin(app, 'deploy')).status, 0)
    const requests = gate.requests - before
    await ground.sound(t, app, 'a deploy')

    for (const step of stepsOf(requests, 2)) {
      const after = `the disk was full from step ${step} of ${requests} on`
      const held = gate.hold(/./, step)
      const answered = ground.begin(app, 'deploy')
      await Promise.race([held.reached, answered])
      const filler = fillDisk(disk)
      held.release()
      await answered
      const full = await gateway.ssh('doctor')
      t.is(full.status, 1, full.all)
      t.regex(full.stdout, /^gateway +disk-low /m)
      rmSync(filler)
      await until(`doctor has mended what is left after ${after}`, async () => {
        const fixed = await gateway.ssh('doctor --fix')
        return fixed.status === 0 && !fixed.stderr.includes('left out')
      })
      await ground.sound(t, app, after)
      await ground.worksAgain(t, app, after)
    }
  },
)
