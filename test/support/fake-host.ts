// The machine that fake engines share: what real ones find on a Docker host, in memory.
import { EventEmitter, once } from 'node:events'
import type {
  Condition,
  Container,
  ContainerSpec,
  HealthRun,
  Listener,
  Usage,
} from '../../src/domain/container.ts'
import type { Image, Talk } from '../../src/domain/engine.ts'
import type { Instant } from '../../src/domain/instant.ts'
import type { TerminalSize } from '../../src/domain/terminal.ts'

/** What the program in a container does once it is started. */
export interface Program {
  readonly prints?: readonly string[]
  /** Contents of the files that it writes before it prints, by absolute path. */
  readonly writes?: Readonly<Record<string, string>>
  /** Where the symbolic links lead that it makes, by absolute path. */
  readonly links?: Readonly<Record<string, string>>
  /** What it says on standard error, after what it prints. */
  readonly complains?: readonly string[]
  /** Copies its standard input to its output, and exits with 0 at its end. */
  readonly copies?: boolean
  /** Exits with 0 once its terminal has this size, `rows columns` as `stty size` prints it. */
  readonly untilSize?: string
  /** Left out: it runs until it is stopped. */
  readonly exits?: number
  /** Runs of the HEALTHCHECK of its image that are over once it is started, and found it unhealthy. */
  readonly unhealthy?: readonly HealthRun[]
  /** What it exits with some time after it was told to stop; left out: the signal ends it. */
  readonly stops?: number | 'never'
  /** The engine cannot start it, and says so in these words. */
  readonly cannotStart?: string
}

export class FakeContainer {
  readonly id: string
  readonly gatewayId: string
  readonly spec: ContainerSpec
  readonly output: string[] = []
  /** When each line of `output` was printed. */
  readonly printedAt: Instant[] = []
  condition: Omit<Condition, 'kept'> = { health: null, healthRuns: [], restarts: 0 }
  listens: readonly Listener[] | null = []
  usage: Usage = { cpus: 0.25, memory: 12 * 1024 * 1024 }
  /** Contents by absolute path; null is what is there and no plain file. */
  readonly files = new Map<string, Buffer | null>()
  /** Seconds of grace that the last stop gave. */
  stoppedWith: number | null = null
  state: Container['state'] = 'created'
  exitCode: number | null = null
  address: string | null = null
  removed = false
  /** The engine starts it again when it stops by itself. */
  kept = false
  /** Of its terminal, as it was told last. */
  size: TerminalSize | null = null
  #talk: Talk | null = null
  /** Each resolves when it was heard. */
  readonly #said: Promise<void>[] = []
  #program: Program = {}
  readonly #changes = new EventEmitter().setMaxListeners(0)
  readonly #happened: (container: FakeContainer) => void

  constructor(
    id: string,
    gatewayId: string,
    spec: ContainerSpec,
    happened: (container: FakeContainer) => void,
  ) {
    this.#happened = happened
    this.id = id
    this.gatewayId = gatewayId
    this.spec = spec
    if (spec.writableDirectory !== undefined) this.files.set(spec.writableDirectory, null)
  }

  get running(): boolean {
    return this.state === 'running'
  }

  run(program: Program, address: string): void {
    this.state = 'running'
    this.exitCode = null
    this.address = address
    for (const [path, content] of Object.entries(program.writes ?? {}))
      this.files.set(path, Buffer.from(content))
    for (const path of Object.keys(program.links ?? {})) this.files.set(path, null)
    this.#program = program
    if (program.unhealthy !== undefined)
      this.condition = { ...this.condition, health: 'unhealthy', healthRuns: program.unhealthy }
    this.print(...(program.prints ?? []))
    for (const line of program.complains ?? []) this.#say('stderr', line)
    const { exits } = program
    this.#happened(this)
    // Once nobody can go on without waiting, hence before any settle time: timers of different lengths may run in
    // another order than they are due when the machine is busy.
    if (exits !== undefined) process.nextTick(() => this.running && this.exit(exits))
    if (program.copies) void this.#copy()
    this.#measure()
  }

  print(...lines: string[]): void {
    this.output.push(...lines)
    this.printedAt.push(...lines.map(fakeNow))
    for (const line of lines) this.#say('stdout', line)
    this.#changes.emit('change')
  }

  #say(stream: 'stdout' | 'stderr', line: string): void {
    const talk = this.#talk
    if (talk !== null)
      this.#said.push(new Promise(resolve => talk[stream].write(`${line}\n`, () => resolve())))
  }

  /** Resolves when it has stopped, which is also when it has said everything. */
  attach(talk: Talk, signal: AbortSignal): { ended: Promise<void> } {
    this.#talk = talk
    const ended = this.nextExit(signal).then(
      async () => {
        await Promise.all(this.#said)
        this.#talk = null
      },
      error => {
        signal.throwIfAborted()
        throw error
      },
    )
    ended.catch(() => {})
    return { ended }
  }

  resize(size: TerminalSize): void {
    if (!this.running) return
    this.size = size
    this.#measure()
  }

  #measure(): void {
    const { size } = this
    if (size !== null && this.#program.untilSize === `${size.rows} ${size.columns}`) this.exit(0)
  }

  async #copy(): Promise<void> {
    const talk = this.#talk
    if (talk === null) return
    for await (const chunk of talk.stdin) {
      if (!talk.stdout.write(chunk)) await once(talk.stdout, 'drain')
    }
    if (this.running) this.exit(0)
  }

  /** One that is kept running and was not stopped is started again. */
  exit(code: number, how: 'by itself' | 'stopped' = 'by itself'): void {
    this.state = how === 'stopped' || !this.kept ? 'exited' : 'restarting'
    this.exitCode = code
    this.address = null
    this.#changes.emit('exit', code)
    this.#changes.emit('change')
    this.#happened(this)
  }

  /** As an engine does whose grace is long enough for what ends by itself. */
  stop(): void {
    const { stops = 143 } = this.#program
    if (this.running) this.exit(stops === 'never' ? 137 : stops, 'stopped')
    if (this.state === 'restarting') this.state = 'exited'
  }

  remove(): void {
    if (this.running) this.exit(137, 'stopped')
    this.removed = true
    this.#changes.emit('change')
    this.#happened(this)
  }

  async nextExit(signal: AbortSignal): Promise<number> {
    const [code] = await once(this.#changes, 'exit', { signal })
    return code
  }

  async change(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal })
  }

  view(): Container {
    const { id, spec, state, address } = this
    const status =
      { created: 'Created', running: 'Up 1 second' }[state as string] ??
      `Exited (${this.exitCode}) 1 second ago`
    return { id, name: spec.name, labels: spec.labels, state, status, address }
  }
}

let ticks = 0

/** A clock of which no two readings are the same. */
export function fakeNow(): Instant {
  ticks += 1
  return `${new Date().toISOString().slice(0, -1)}${String(ticks % 1_000_000).padStart(6, '0')}Z`
}

export interface FakeNetwork {
  readonly gatewayId: string
  readonly environment: string
  readonly subnet: string
}

export class FakeHost {
  readonly containers = new Map<string, FakeContainer>()
  readonly networks = new Map<string, FakeNetwork>()
  /** By id. */
  readonly images = new Map<string, Image>()
  /** Image id by `repository:tag` or `repository@digest`. */
  readonly names = new Map<string, string>()
  /** Images that were pushed, by `host/repository:tag` and `host/repository@digest`. */
  readonly pushed = new Map<string, Image>()
  readonly #events = new EventEmitter().setMaxListeners(0)
  #made = 0

  /** What engines are told for as long as they watch. */
  happened(container: FakeContainer): void {
    this.#events.emit('container', container)
  }

  /** As an engine does that is stopped. */
  endWatches(): void {
    this.#events.emit('end')
  }

  async watch(seen: (container: FakeContainer) => void, signal: AbortSignal): Promise<void> {
    this.#events.on('container', seen)
    await once(this.#events, 'end', { signal }).finally(() => this.#events.off('container', seen))
  }

  newId(): string {
    this.#made += 1
    return this.#made.toString(16).padStart(64, '0')
  }

  addImage(name: string, fields: Partial<Image> = {}): Image {
    const image: Image = {
      id: `sha256:${this.newId()}`,
      platform: { os: 'linux', architecture: 'amd64' },
      entrypoint: [],
      command: ['serve'],
      env: new Map(),
      exposedPorts: [],
      ...fields,
    }
    this.images.set(image.id, image)
    this.names.set(name, image.id)
    return image
  }

  findImage(name: string): Image | null {
    return this.images.get(this.names.get(name) ?? name) ?? null
  }

  /** No two containers that run have the same. */
  freeAddress(subnet: string): string {
    const taken = new Set([...this.containers.values()].map(({ address }) => address))
    for (let n = 2; ; n += 1) {
      const address = addressIn(subnet, n)
      if (!taken.has(address)) return address
    }
  }

  byName(name: string): FakeContainer | undefined {
    return [...this.containers.values()].find(container => container.spec.name === name)
  }
}

/** Whether two IPv4 ranges such as `10.1.0.0/24` share an address. */
export function overlap(a: string, b: string): boolean {
  const [x, y] = [range(a), range(b)]
  return x.first <= y.last && y.first <= x.last
}

/** The nth address of an IPv4 range, counted from 0. */
function addressIn(subnet: string, n: number): string {
  const address = range(subnet).first + n
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}

function range(subnet: string): { first: number; last: number } {
  const [base = '', size = '32'] = subnet.split('/')
  const first = base.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
  return { first, last: first + 2 ** (32 - Number(size)) - 1 }
}
