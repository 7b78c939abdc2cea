// Push to live: Fairlead against a pre-receive hook written by hand behind OpenSSH, the same one-layer Dockerfile,
// alternating in one run. `node bench/push-to-live.ts [PUSHES]`
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Checkout, finish, makeCheckout, startGateway } from '../test/support/gateway.ts'
import { startRegistry } from '../test/support/registry.ts'
import { startFirst } from './support/by-hand.ts'
import { startOpenSsh } from './support/openssh.ts'
import { printTable, rowOfRatio, rowOfTimes, timed } from './support/table.ts'

const pushes = Number(process.argv[2] ?? 20)

const HOOK = `#!/bin/sh
set -e
while read -r old new ref; do
  git archive "$new" | docker build -q -t "byhand:$new" - >/dev/null
  id=$(docker run -d --network byhand --label byhand=1 -e PORT=5000 "byhand:$new" busybox httpd -f -p 5000 -h /www)
  ip=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$id")
  until busybox wget -q -O /dev/null "http://$ip:5000/" 2>/dev/null; do sleep 0.02; done
  if [ -f current ]; then docker stop "$(cat current)" >/dev/null 2>&1 & fi
  echo "$id" >current
done
`

await using undo = new AsyncDisposableStack()
const registry = await startRegistry({ anonymous: true })
undo.defer(() => registry.stop())
await registry.push('acme/base', '1')
execFileSync('docker', ['pull', '-q', `${registry.host}/acme/base:1`])
undo.defer(() => void execFileSync('docker', ['rmi', `${registry.host}/acme/base:1`]))

const gateway = await startGateway({ compiled: true })
undo.defer(() => gateway.dispose())
const openssh = await startOpenSsh(gateway.directory, gateway.operator.publicKey)
undo.defer(() => openssh.stop())
execFileSync('docker', ['network', 'create', 'byhand'], { stdio: 'ignore' })
undo.defer(removeByHand)

const ours = await gateway.app({})
const theirs = await makeCheckout(join(gateway.directory, 'byhand'), gateway.operator, 'by', 'hand')
await theirs.git('remote', 'add', 'aptible', openssh.repository('byhand', HOOK))

const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] }
for (let i = 0; i <= pushes; i++) {
  const a = await push(ours, i)
  const b = await push(theirs, i)
  // The first one warms both up.
  if (i === 0) {
    await startFirst(gateway, ours)
    continue
  }
  times.ours.push(a)
  times.theirs.push(b)
}
printTable([
  rowOfTimes('by hand, behind OpenSSH', times.theirs),
  rowOfTimes('Fairlead', times.ours),
  rowOfRatio(times.ours, times.theirs),
])

async function push(checkout: Checkout, i: number): Promise<number> {
  checkout.write({
    Dockerfile: `FROM ${registry.host}/acme/base:1\nCOPY index.html /www/index.html\n`,
    Procfile: 'web: exec busybox httpd -f -p "$PORT" -h /www\n',
    'index.html': `page ${i} ${process.pid}\n`,
  })
  await checkout.commit(`push ${i}`)
  return timed(async () => {
    const done = await checkout.git('push', '-q', 'aptible', 'HEAD:refs/heads/master')
    if (done.status !== 0) throw new Error(done.all)
  })
}

async function removeByHand(): Promise<void> {
  const containers = await finish('docker', ['ps', '-aq', '--filter', 'label=byhand=1'], { cwd: '/' })
  const ids = containers.stdout.split('\n').filter(Boolean)
  if (ids.length > 0) await finish('docker', ['rm', '-f', ...ids], { cwd: '/' })
  await finish('docker', ['network', 'rm', 'byhand'], { cwd: '/' })
  const images = await finish('docker', ['images', '-q', 'byhand'], { cwd: '/' })
  const built = [...new Set(images.stdout.split('\n').filter(Boolean))]
  if (built.length > 0) await finish('docker', ['rmi', '-f', ...built], { cwd: '/' })
  rmSync(join(gateway.directory, 'byhand'), { recursive: true, force: true })
}
