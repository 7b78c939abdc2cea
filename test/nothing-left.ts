// The last check of a run: nothing that carries the label of one of this run's gateways is left on the engine.
import { readFileSync } from 'node:fs'
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
if (left.length > 0) {
  process.stderr.write(`Left on the engine by this run:\n${left.map(each => `  ${each}\n`).join('')}`)
  process.exitCode = 1
}
