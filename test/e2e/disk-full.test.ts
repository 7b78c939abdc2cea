// The gateway's own disk is full: a push is refused with a reason, the gateway goes on, and so do the apps.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { fillDisk } from '../support/fill-disk.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { page } from '../support/page.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'

const HTTPD = 'web: exec busybox httpd -f -p "$PORT" -h /www\n'

let disk: string
let gateway: TestGateway
let registry: TestRegistry

test.before(async () => {
  disk = mkdtempSync(join(tmpdir(), 'fairlead-disk-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', disk])
  registry = await startRegistry({ anonymous: true })
  await registry.push('base', '1')
  gateway = await startGateway({ environment: { FAIRLEAD_DATA: join(disk, 'data') } })
})
test.after.always(async () => {
  await gateway?.dispose()
  await registry?.stop()
  if (disk === undefined) return
  execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

test.serial(
  'a pack that does not fit on the disk is refused with git’s words, and leaves the space free again',
  async t => {
    const app = await gateway.app({ Procfile: HTTPD })
    const push = await app.push({ large: randomBytes(12 << 20).toString('latin1') })
    t.not(push.status, 0)
    t.regex(push.stderr, /No space left on device/)
    const small = await gateway.app({
      Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n`,
      'www/index.html': 'one\n',
      Procfile: HTTPD,
    })
    const works = await small.push()
    t.is(works.status, 0, works.all)
  },
)

test.serial(
  'a push to a gateway whose disk is full is refused with a reason, and works when there is space',
  async t => {
    const app = await gateway.app({
      Dockerfile: `FROM ${registry.host}/base:1\nCOPY www /www\n`,
      'www/index.html': 'one\n',
      Procfile: HTTPD,
    })
    t.is((await app.push()).status, 0)
    const filler = fillDisk(disk)
    t.teardown(() => rmSync(filler, { force: true }))
    const push = await app.push({ 'www/index.html': 'two\n' })
    t.not(push.status, 0)
    t.regex(push.stderr, /[Nn]o space left on/)
    const set = await gateway.fairlead(['config:set', '--app', app.name, `A=${'x'.repeat(60_000)}`])
    t.not(set.status, 0)
    t.regex(set.stderr, /The gateway has no space left on its own disk \(internal\)/)
    t.regex(set.stderr, /What to do: {4}Tell an operator of the gateway, who has to free space/)
    t.is(await page(gateway, app.name), 'one\n')

    rmSync(filler)
    const again = await app.push({ 'www/index.html': 'three\n' })
    t.is(again.status, 0, again.all)
    t.is(await page(gateway, app.name), 'three\n')
  },
)
