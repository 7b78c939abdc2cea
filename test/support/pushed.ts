// What a pusher reads, without git's own dressing: the lines that came from the gateway, and the Problem among them. And
// what a push says while it runs.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Checkout, Finished, TestGateway } from './gateway.ts'
import { until } from './until.ts'

export function remoteLines({ stderr }: Pick<Finished, 'stderr'>): string[] {
  return stderr
    .split(/[\r\n]/)
    .filter(line => line.startsWith('remote: '))
    .map(line => line.slice('remote: '.length).trimEnd())
}

/** From the headline to the last line of what to do; empty when there is no Problem. */
export function refusal(push: Pick<Finished, 'stderr'>): string[] {
  const lines = remoteLines(push)
  const start = lines.findIndex(line => /^ ! {5}.*\([a-z-]+\)$/.test(line))
  return start === -1 ? [] : lines.slice(start)
}

/** Of the Problem among them, null when there is none. */
export function problemCode(push: Pick<Finished, 'stderr'>): string | null {
  return /\(([a-z-]+)\)$/.exec(refusal(push)[0] ?? '')?.[1] ?? null
}

/** A Problem as `problemLines` writes it, the evidence possibly in several lines. */
export function problemText(text: {
  headline: string
  saw?: string | readonly string[]
  runs: string
  todo: string
}): string[] {
  const saw = text.saw === undefined ? [] : [text.saw].flat()
  return [
    ` !     ${text.headline}`,
    ...saw.map((line, i) => `${i === 0 ? '       What we saw:   ' : ' '.repeat(22)}${line}`.trimEnd()),
    `       What runs now: ${text.runs}`,
    `       What to do:    ${text.todo}`,
  ]
}

export const NO_RELEASE = 'Nothing: this app has no release yet.'

export interface LivePush {
  /** Ctrl-C: SIGINT to git and the ssh below it. Nothing when they have ended. */
  leave(): void
  /** What came so far. */
  stderr(): string
  /** Resolves when a line of the gateway is exactly this text, blanks around it aside; rejects when git ends before. */
  sees(line: string): Promise<void>
  readonly ended: Promise<Finished>
}

/** Commits and pushes to master like `Checkout.push`, in a process group of its own, and hands over what comes as it comes. */
export async function livePush(
  gateway: TestGateway,
  app: Checkout,
  files: Record<string, string> = {},
): Promise<LivePush> {
  app.write(files)
  await app.commit()
  const child = spawn('git', ['push', 'aptible', 'HEAD:refs/heads/master'], {
    cwd: app.directory,
    env: gateway.operator.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let stderr = ''
  let stdout = ''
  child.stdout.on('data', chunk => {
    stdout += chunk
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
    child.emit('heard')
  })
  const ended = once(child, 'close').then(([status]) => ({
    status: status as number | null,
    stdout,
    stderr,
    all: stdout + stderr,
  }))
  return {
    leave() {
      const over = child.exitCode !== null || child.signalCode !== null
      if (!over && child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
    },
    stderr: () => stderr,
    ended,
    sees: line =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (remoteLines({ stderr }).some(each => each.trim() === line)) resolve()
        }
        child.on('heard', look)
        look()
        void ended.then(({ all }) => reject(new Error(`git ended without ${line}:\n${all}`)))
      }),
  }
}

export async function says(push: LivePush, text: string): Promise<void> {
  await until(`the push says ${text}`, async () => push.stderr().includes(text))
}

/** The commit that the app's master is at. */
export async function branchOf(app: Checkout): Promise<string> {
  return (await app.git('ls-remote', 'aptible', 'refs/heads/master')).stdout.slice(0, 40)
}
