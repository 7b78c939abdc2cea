// The last check of a run: nothing that carries the label of one of this run's gateways is left on the engine, no process
// that names a file of a test, and no such file.
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import Docker from 'dockerode'

const runFile = process.env.FAIRLEAD_TEST_RUN
if (runFile === undefined) throw new Error('FAIRLEAD_TEST_RUN is not set: run this through npm test')
const ids = readFileSync(runFile, 'utf8').split('\n').filter(Boolean)
if (ids.length === 0) throw new Error('no gateway was started: the end-to-end tests did not run')

const docker = new Docker({ socketPath: '/var/run/docker.sock' })
const left: string[] = []
for (const id of ids) {
  const filters = { label: [`fairlead.gateway=${id}`] }
  for (const each of await docker.listContainers({ all: true, filters }))
    left.push(`container ${each.Names[0]}`)
  for (const each of await docker.listNetworks({ filters })) left.push(`network ${each.Name}`)
  const images = await docker.listImages({ filters: { reference: [`fairlead-${id}/*/*`] } })
  for (const each of images) left.push(`image ${each.RepoTags?.join(', ')}`)
}
for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
  const words = commandOf(pid)
  if (words.includes(`${tmpdir()}/`)) left.push(`process ${pid}: ${words.replaceAll('\0', ' ')}`)
}
for (const name of readdirSync(tmpdir())) left.push(`file ${name}`)
if (left.length > 0) {
  process.stderr.write(`Left by this run:\n${left.map(each => `  ${each}\n`).join('')}`)
  process.exitCode = 1
}

/** Empty for one that has ended meanwhile. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
