// The last check of a run: nothing that carries the label of one of this run's gateways is left on the engine, no process
// that a test has started, and no file. Called with `remove` after a run that went wrong it takes away what is on the
// engine, and checks nothing.
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import Docker from 'dockerode'

const runFile = process.env.FAIRLEAD_TEST_RUN
if (runFile === undefined) throw new Error('FAIRLEAD_TEST_RUN is not set: run this through npm test')
const ids = readFileSync(runFile, 'utf8').split('\n').filter(Boolean)

const docker = new Docker({ socketPath: '/var/run/docker.sock' })

if (process.argv[2] === 'remove') {
  // What is under way when its gateway is killed comes after a look, and keeps a network from going.
  for (let left = 5; left > 0 && (await onEngine()).length > 0; left -= 1) {
    for (const { remove } of await onEngine()) await remove().catch(() => {})
  }
} else {
  if (ids.length === 0) throw new Error('no gateway was started: the end-to-end tests did not run')
  const left = [...(await onEngine()).map(({ what }) => what), ...processes(), ...files()]
  if (left.length > 0) {
    process.stderr.write(`Left by this run:\n${left.map(each => `  ${each}\n`).join('')}`)
    process.exitCode = 1
  }
}

interface OnEngine {
  readonly what: string
  remove(): Promise<unknown>
}

async function onEngine(): Promise<OnEngine[]> {
  const found: OnEngine[] = []
  for (const id of ids) {
    const filters = { label: [`fairlead.gateway=${id}`] }
    for (const { Id, Names } of await docker.listContainers({ all: true, filters })) {
      const remove = () => docker.getContainer(Id).remove({ force: true, v: true })
      found.push({ what: `container ${Names[0]}`, remove })
    }
    for (const { Id, Name } of await docker.listNetworks({ filters }))
      found.push({ what: `network ${Name}`, remove: () => removeNetwork(Id) })
    const images = await docker.listImages({ filters: { reference: [`fairlead-${id}/*/*`] } })
    for (const tag of images.flatMap(({ RepoTags }) => RepoTags ?? []))
      found.push({ what: `image ${tag}`, remove: () => docker.getImage(tag).remove({ force: true }) })
  }
  return found
}

/** With what a test itself has put into it. */
async function removeNetwork(id: string): Promise<void> {
  const network = docker.getNetwork(id)
  const { Containers } = await network.inspect()
  for (const each of Object.keys(Containers ?? {})) await docker.getContainer(each).remove({ force: true })
  await network.remove()
}

function processes(): string[] {
  const others = readdirSync('/proc').filter(name => /^\d+$/.test(name) && Number(name) !== process.pid)
  const ours = others.filter(pid => `${read(pid, 'cmdline')}${read(pid, 'environ')}`.includes(tmpdir()))
  return ours.map(pid => `process ${pid}: ${read(pid, 'cmdline').replaceAll('\0', ' ')}`)
}

function files(): string[] {
  return readdirSync(tmpdir()).map(name => `file ${name}`)
}

/** Empty for one that has ended meanwhile, or is somebody else's. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}
