// The containers of an app: what runs, and what it prints.
import { isGenerator } from '../deploy/generate.ts'
import type { App } from '../domain/app.ts'
import type { Container } from '../domain/engine.ts'
import { Problem } from '../domain/problem.ts'
import { text, usage } from './call.ts'
import type { Call, Command } from './command.ts'
import { patiently } from './wait-for-client.ts'

const label = ({ labels }: Container) => `${labels.process}.${labels.index}`
const MOST_LINES = 10_000

const logs: Command = {
  name: 'logs',
  summary: 'Print what the containers of an app print',
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on until you leave' },
    lines: { type: 'string', short: 'n', value: 'N', help: 'how many of the last lines (default 100)' },
    process: { type: 'string', value: 'NAME', help: 'only this process: web, or web.1' },
  },
  scope: 'app',
  action: 'app:logs',
  async run(call) {
    const { gateway, app, session, options } = call
    const lines = Number(text(options.lines) ?? 100)
    if (!Number.isInteger(lines) || lines < 0 || lines > MOST_LINES) {
      throw usage(logs, `--lines is a number from 0 to ${MOST_LINES}.`)
    }
    const shown = await chosen(call)
    const width = Math.max(0, ...shown.map(container => label(container).length))
    const { engine } = gateway.ground.stack(app.stack)
    const follow = options.follow === true
    const write = patiently(session.stdout, session.signal)
    try {
      await Promise.all(
        shown.map(container => {
          const prefix = `${label(container).padEnd(width)} | `
          const print = (line: string) => write(`${prefix}${line}\n`)
          return engine.logs(container.id, { follow, lines }, print, session.signal)
        }),
      )
    } catch (error) {
      if (!(follow && session.signal.aborted)) throw error
    }
  },
}

export const processCommands: readonly Command[] = [
  {
    name: 'ps',
    summary: 'List the containers of an app',
    scope: 'app',
    action: 'app:see',
    lists: true,
    async run({ gateway, session, app, output }) {
      const { engine } = gateway.ground.stack(app.stack)
      const containers = await engine.list(app.name, session.signal)
      output.rows(
        containers.toSorted(byLabel).map(container => ({
          process: label(container),
          release: `v${container.labels.release}`,
          state: container.state,
          status: container.status,
          address: container.address,
          container: container.id.slice(0, 12),
        })),
        'Nothing runs yet: `git push` starts the first containers.',
      )
    },
  },
  logs,
]

async function chosen(call: Call & { app: App }): Promise<Container[]> {
  const { gateway, session, app, options } = call
  const { engine } = gateway.ground.stack(app.stack)
  // What a generator prints is shown by the deploy that runs it, once it is known what has to be hidden in it.
  const present = (await engine.list(app.name, session.signal)).filter(({ labels }) => !isGenerator(labels))
  const all = present.toSorted(byLabel)
  const wanted = text(options.process)
  const shown = all.filter(
    container => wanted === undefined || container.labels.process === wanted || label(container) === wanted,
  )
  if (shown.length === 0) {
    throw new Problem('not-found', {
      headline:
        wanted === undefined
          ? 'No container is there to read from'
          : `No container is called ${JSON.stringify(wanted.slice(0, 40))}`,
      saw: all.length === 0 ? 'The app has no containers.' : `There are: ${all.map(label).join(', ')}`,
      hint: '`fairlead ps` lists them.',
    })
  }
  return shown
}

function byLabel(a: Container, b: Container): number {
  return (
    a.labels.process.localeCompare(b.labels.process) ||
    a.labels.index - b.labels.index ||
    a.labels.release - b.labels.release
  )
}
