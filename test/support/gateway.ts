// A whole gateway for end-to-end tests: its own process, data directory, keys and stack, on loopback. People in
// these tests use the real git, the real ssh client and the companion CLI, as they would.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { endHaproxy, freePort } from './haproxy.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where every test gateway leaves its id, for the check at the end of the run that nothing of it is left. */
const RUN_FILE = process.env.FAIRLEAD_TEST_RUN

export interface Finished {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Both, in the order of arrival. */
  readonly all: string
}

export interface GatewayOptions {
  /** Lines of the stack file, besides version and network. */
  readonly stack?: string
  readonly version?: 1 | 2
  /**
   * Of the stack: 1s where it is left out. Long where all that a test starts answers at its port or ends, so that a slow
   * machine does not take what has not done so yet for settled.
   */
  readonly settle?: string
  /** Bits of the prefix of an environment's network: 26 where it is left out, for 61 containers. */
  readonly prefix?: number
  readonly environment?: Record<string, string>
  /** Runs what `scripts/build` made, as `npm start` does. */
  readonly compiled?: boolean
}

export interface Person {
  readonly name: string
  /** Path of the private key. */
  readonly key: string
  readonly publicKey: string
  readonly environment: NodeJS.ProcessEnv
}

export interface TestGateway {
  readonly directory: string
  readonly data: string
  readonly stacks: string
  readonly host: string
  readonly port: number
  readonly url: string
  /** Port of its router, over HTTP on 127.0.0.1. */
  readonly http: number
  readonly operator: Person
  /** Everything the gateway has logged. */
  log(): string
  pid(): number
  /** The companion CLI, as a person. */
  fairlead(
    words: readonly string[],
    options?: { as?: Person; stdin?: string; cwd?: string },
  ): Promise<Finished>
  /** Plain ssh with one exec string. */
  ssh(command: string | null, options?: { as?: Person; stdin?: string | Buffer }): Promise<Finished>
  /** A new member with a key of their own; a role where one is given. */
  person(name: string, role?: { environment: string; role: string }): Promise<Person>
  /** An environment and an app in it, with a checkout whose remote `aptible` is the app. */
  app(files: Record<string, string>, options?: { environment?: string; app?: string }): Promise<Checkout>
  /** kill -9, and nothing else. */
  crash(): Promise<void>
  /** Starts again on the same data and port. */
  restart(environment?: Record<string, string>): Promise<void>
  stop(): Promise<void>
  /** Destroys every app, stops the gateway and its HAProxy, removes its directory. */
  dispose(): Promise<void>
}

export interface Checkout {
  readonly directory: string
  readonly environment: string
  readonly app: string
  /** `env/app` */
  readonly name: string
  write(files: Record<string, string>): void
  commit(message?: string): Promise<string>
  git(...words: string[]): Promise<Finished>
  /** Commits the files and pushes them to master. */
  push(files?: Record<string, string>, ref?: string): Promise<Finished>
}

let counter = 0

export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-e2e-'))
  const data = options.environment?.FAIRLEAD_DATA ?? join(directory, 'data')
  const stacks = join(directory, 'stacks')
  mkdirSync(stacks)
  writeFileSync(join(stacks, 'local.yml'), stackFile(options))
  const operator = await makePerson(directory, 'operator')
  writeFileSync(join(directory, 'operators'), operator.publicKey)

  const http = await freePort()
  // Not one that the system hands out: another process could be given it between a crash and the next start.
  const port = await freePort()
  let child: ChildProcess
  let logged = ''
  let url = ''

  async function start(environment: Record<string, string> = {}): Promise<void> {
    const program = options.compiled ? ['--max-semi-space-size=4', 'dist/main.js'] : ['src/main.ts']
    child = spawn(process.execPath, [...program.slice(0, -1), join(ROOT, program.at(-1) ?? '')], {
      cwd: directory,
      env: {
        ...inherited(),
        HOME: directory,
        FAIRLEAD_DATA: data,
        FAIRLEAD_SSH: `127.0.0.1:${port}`,
        FAIRLEAD_STACKS: stacks,
        FAIRLEAD_OPERATOR_KEYS: join(directory, 'operators'),
        FAIRLEAD_HOST: '127.0.0.1',
        FAIRLEAD_HTTP: `127.0.0.1:${http}`,
        ...options.environment,
        ...environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stderr?.on('data', chunk => {
      logged += chunk
    })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    url = await new Promise<string>((resolve, reject) => {
      child.once('exit', status => reject(new Error(`the gateway ended with ${status}:\n${logged}`)))
      lines.on('line', line => {
        logged += `${line}\n`
        const entry = line.startsWith('{') ? JSON.parse(line) : {}
        if (entry.msg === 'Fairlead is ready') resolve(entry.url)
      })
    })
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  await start()
  if (RUN_FILE) appendFileSync(RUN_FILE, `${gatewayIdOf(logged, data)}\n`)

  const gateway: TestGateway = {
    directory,
    data,
    stacks,
    host: '127.0.0.1',
    port,
    get url() {
      return url
    },
    http,
    operator,
    log: () => logged,
    pid: () => child.pid ?? 0,
    fairlead: (words, { as = operator, stdin, cwd = directory } = {}) =>
      finish(process.execPath, ['--', join(ROOT, 'src/cli/fairlead.ts'), ...words], {
        cwd,
        env: { ...as.environment, FAIRLEAD_REMOTE: url },
        ...(stdin !== undefined && { stdin }),
      }),
    ssh: (command, { as = operator, stdin } = {}) =>
      finish(
        'ssh',
        [
          ...sshOptions(as.key),
          '-p',
          String(port),
          '-T',
          'git@127.0.0.1',
          ...(command === null ? [] : [command]),
        ],
        {
          cwd: directory,
          env: as.environment,
          ...(stdin !== undefined && { stdin }),
        },
      ),
    async person(name, role) {
      const person = await makePerson(directory, name)
      const grant = role ? ['--environment', role.environment, '--role', role.role] : []
      const added = await gateway.fairlead(['members:add', name, person.publicKey.trim(), ...grant])
      if (added.status !== 0) throw new Error(added.all)
      return person
    },
    async app(files, { environment = 'my-env', app = `app-${++counter}` } = {}) {
      const made = await gateway.fairlead(['environment:create', environment, '--stack', 'local'])
      if (made.status !== 0 && !made.all.includes('name-taken')) throw new Error(made.all)
      const created = await gateway.fairlead(['apps:create', app, '--environment', environment])
      if (created.status !== 0) throw new Error(created.all)
      const checkout = await makeCheckout(
        join(directory, 'checkouts', `${environment}-${app}`),
        operator,
        environment,
        app,
      )
      await checkout.git('remote', 'add', 'aptible', `${url}/${environment}/${app}.git`)
      checkout.write(files)
      return checkout
    },
    crash: () => end('SIGKILL'),
    restart: async environment => {
      await end('SIGTERM')
      await start(environment)
    },
    stop: () => end('SIGTERM'),
    async dispose() {
      if (child.exitCode !== null || child.signalCode !== null) await start()
      const apps = await gateway.fairlead(['apps', '--json'])
      for (const { app } of JSON.parse(apps.stdout || '[]')) {
        await gateway.fairlead(['apps:destroy', '--app', app, '--confirm', app.split('/')[1]])
      }
      await end('SIGTERM')
      await endHaproxy(join(data, 'router', 'haproxy.pid'))
      rmSync(directory, { recursive: true, force: true })
    },
  }
  return gateway
}

/** What is said of this machine: where programs are, temporary files, and what Node keeps of the TypeScript. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, TMPDIR: tmpdir(), ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) }
}

function stackFile({ stack = '', version = 2, prefix = 26, settle = '1s' }: GatewayOptions): string {
  // A pool of its own for every gateway, so that parallel tests do not try each other's subnets first.
  const second = Math.floor(Math.random() * 60) + 64
  return `version: ${version}\nengine:\n  unix: /var/run/docker.sock\nnetwork:\n  pool: 10.${second}.0.0/16\n  size: ${prefix}\nsettle: ${settle}\ngrace: 2s\n${stack}\n`
}

function gatewayIdOf(log: string, data: string): string {
  const id = /"gateway":"([0-9a-f]{12})"/.exec(log)?.[1]
  if (id === undefined) throw new Error(`the gateway of ${data} did not say its id`)
  return id
}

async function makePerson(directory: string, name: string): Promise<Person> {
  const key = join(directory, `key-${name}`)
  const made = await finish('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', key], {
    cwd: directory,
  })
  if (made.status !== 0) throw new Error(made.all)
  return {
    name,
    key,
    publicKey: readFileSync(`${key}.pub`, 'utf8'),
    get environment() {
      return {
        ...inherited(),
        HOME: directory,
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: name,
        GIT_AUTHOR_EMAIL: `${name}@example.com`,
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: `${name}@example.com`,
        GIT_SSH_COMMAND: ['ssh', ...sshOptions(key)].join(' '),
      }
    },
  }
}

function sshOptions(key: string): string[] {
  const options = [
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
  ]
  return ['-F', 'none', '-i', key, ...options.flatMap(option => ['-o', option])]
}

export async function makeCheckout(
  directory: string,
  person: Person,
  environment: string,
  app: string,
): Promise<Checkout> {
  mkdirSync(directory, { recursive: true })
  const git = (...words: string[]) => finish('git', words, { cwd: directory, env: person.environment })
  await git('init', '-q', '-b', 'master')
  const checkout: Checkout = {
    directory,
    environment,
    app,
    name: `${environment}/${app}`,
    git,
    write(files) {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(directory, path, '..'), { recursive: true })
        writeFileSync(join(directory, path), content)
      }
    },
    async commit(message = 'a change') {
      await git('add', '-A')
      await git('commit', '-q', '--allow-empty', '-m', message)
      return (await git('rev-parse', 'HEAD')).stdout.trim()
    },
    async push(files = {}, ref = 'master') {
      checkout.write(files)
      await checkout.commit()
      return git('push', 'aptible', `HEAD:refs/heads/${ref}`)
    },
  }
  return checkout
}

export async function finish(
  file: string,
  words: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; stdin?: string | Buffer },
): Promise<Finished> {
  const child = spawn(file, words, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  let all = ''
  child.stdout?.on('data', chunk => {
    stdout += chunk
    all += chunk
  })
  child.stderr?.on('data', chunk => {
    stderr += chunk
    all += chunk
  })
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.stdin)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout, stderr, all }
}
