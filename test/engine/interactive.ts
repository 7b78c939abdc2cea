// How containers that somebody talks to behave, whatever the engine is made of. A part of the conformance suite.
import { randomBytes } from 'node:crypto'
import { PassThrough, Readable, Writable } from 'node:stream'
import test from 'ava'
import type { ContainerSpec, ContainerState } from '../../src/domain/container.ts'
import type { Engine, Talk } from '../../src/domain/engine.ts'
import { Problem } from '../../src/domain/problem.ts'
import type { Program } from '../support/fake-host.ts'

export interface InteractiveGround {
  readonly engine: Engine
  /** Of another gateway on the same machine. */
  readonly other: Engine
  spec(program: Program, changes?: Partial<ContainerSpec>): ContainerSpec
  state(id: string): Promise<ContainerState>
}

/** Gathers what is said. Its standard input stays open unless one is given. */
export function talk(stdin: Readable = new PassThrough()): Talk & { heard(): { out: Buffer; err: string } } {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  const into = (chunks: Buffer[]) =>
    new Writable({
      highWaterMark: 1024,
      write(chunk, _encoding, done) {
        chunks.push(Buffer.from(chunk))
        setImmediate(done)
      },
    })
  return {
    stdin,
    stdout: into(out),
    stderr: into(err),
    heard: () => ({ out: Buffer.concat(out), err: Buffer.concat(err).toString() }),
  }
}

/** Bytes: what is read from an engine at once, and what a test's reader holds by itself. */
const LARGEST_CHUNK = 64 * 1024 + 1024

const PLAIN = { interactive: { terminal: null } }
const TERMINAL = { interactive: { terminal: { columns: 80, rows: 24 } } }

export function interactiveConformance(title: (text: string) => string, ground: InteractiveGround): void {
  const { signal } = new AbortController()
  const { spec } = ground

  async function converse(program: Program, changes: Partial<ContainerSpec>, said: Talk) {
    const { engine } = ground
    const id = await engine.create(spec(program, changes), signal)
    const { ended } = await engine.attach(id, said, signal)
    const exit = engine.nextExit(id, signal)
    await engine.start(id, signal)
    return { id, ended, exit }
  }

  test(title('what a container says from its first word on is heard, each stream by itself'), async t => {
    for (let round = 0; round < 10; round += 1) {
      const said = talk()
      const program = { prints: ['one', 'two'], complains: ['three'], exits: round }
      const { ended, exit } = await converse(program, PLAIN, said)
      await ended
      t.is(await exit, round)
      t.deepEqual(said.heard(), { out: Buffer.from('one\ntwo\n'), err: 'three\n' })
    }
  })

  test(title('standard input arrives byte for byte, and so does its end'), async t => {
    const bytes = randomBytes(3 * 1024 * 1024)
    const said = talk(Readable.from([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000)]))
    const { ended, exit } = await converse({ copies: true }, PLAIN, said)
    await ended
    t.is(await exit, 0)
    t.true(said.heard().out.equals(bytes))
  })

  test(title('a program may end without reading its input, and all it said is heard'), async t => {
    // More than is read ahead, and no more than can wait in the engine's connection when the program has ended.
    const lines = Array.from({ length: 280 }, (_, i) => String(i).padEnd(1000, '.'))
    for (let round = 0; round < 3; round += 1) {
      const over = Promise.withResolvers<void>()
      const heard: Buffer[] = []
      // Takes nothing before the program has ended, and the engine has handed over what waits in its connection.
      const stdout = new Writable({
        highWaterMark: 1024,
        write(chunk: Buffer, _encoding, done) {
          heard.push(Buffer.from(chunk))
          void over.promise.then(() => done())
        },
      })
      const unread = Readable.from([randomBytes(1_000_000), randomBytes(1_000_000)])
      const said = { ...talk(unread), stdout }
      const { id, ended, exit } = await converse({ prints: lines, exits: 0 }, PLAIN, said)
      await exit
      for (let question = 0; question < 50; question += 1) await ground.state(id)
      over.resolve()
      await ended
      await new Promise(taken => stdout.end(taken))
      t.is(Buffer.concat(heard).toString(), `${lines.join('\n')}\n`)
    }
  })

  test(
    title('whoever is slow to listen is waited for: what they have not taken does not pile up'),
    async t => {
      const bytes = randomBytes(2 * 1024 * 1024)
      const pieces = Array.from({ length: 128 }, (_, i) => bytes.subarray(i * 16_384, (i + 1) * 16_384))
      const taken: Buffer[] = []
      let most = 0
      const stdout = new Writable({
        highWaterMark: 1024,
        async write(chunk: Buffer, _encoding, done) {
          most = Math.max(most, stdout.writableLength)
          taken.push(Buffer.from(chunk))
          for (let round = 0; round < 20; round += 1) await new Promise(setImmediate)
          done()
        },
      })
      const said = { ...talk(Readable.from(pieces)), stdout }
      const { ended } = await converse({ copies: true }, PLAIN, said)
      await ended
      await new Promise(taken => stdout.end(taken))
      t.true(Buffer.concat(taken).equals(bytes))
      t.true(most <= LARGEST_CHUNK, `${most} bytes waited at once`)
    },
  )

  test(title('what a program does not read is not taken from whoever says it'), async t => {
    const { engine } = ground
    const chunk = Buffer.alloc(64 * 1024)
    const most = 64 * 1024 * 1024
    let asked = 0
    const stdin = new Readable({
      read() {
        asked += chunk.length
        this.push(asked < most ? chunk : null)
      },
    })
    const ready = Promise.withResolvers<void>()
    const stdout = new Writable({
      write(_chunk, _encoding, done) {
        ready.resolve()
        done()
      },
    })
    const { id, ended } = await converse({ prints: ['ready'] }, PLAIN, { ...talk(stdin), stdout })
    await ready.promise
    await engine.stop(id, 1, signal)
    await ended
    t.true(asked < most / 4, `${asked} bytes were taken`)
  })

  test(title('a terminal is told its size, as often as it changes'), async t => {
    const { engine } = ground
    const { id, ended, exit } = await converse({ untilSize: '33 101' }, TERMINAL, talk())
    await engine.resize(id, { columns: 90, rows: 30 }, signal)
    await engine.resize(id, { columns: 101, rows: 33 }, signal)
    t.is(await exit, 0)
    await ended
    await t.notThrowsAsync(engine.resize(id, { columns: 10, rows: 10 }, signal))
    await engine.remove(id, signal)
    await t.notThrowsAsync(engine.resize(id, { columns: 10, rows: 10 }, signal))
  })

  test(title('whoever stops listening leaves the container as it is'), async t => {
    const abort = new AbortController()
    const reason = new Error('enough heard')
    const { engine } = ground
    const id = await engine.create(spec({ prints: ['ready'] }, PLAIN), signal)
    const { ended } = await engine.attach(id, talk(), abort.signal)
    await engine.start(id, signal)
    abort.abort(reason)
    t.is(await t.throwsAsync(ended), reason)
    t.is(await ground.state(id), 'running')
  })

  test(title("another gateway's containers are not talked to, and none that is gone"), async t => {
    const { engine, other } = ground
    const id = await engine.create(spec({}, PLAIN), signal)
    for (const call of [
      () => other.attach(id, talk(), signal),
      () => other.resize(id, { columns: 80, rows: 24 }, signal),
    ]) {
      const refused = await t.throwsAsync(call(), { instanceOf: Problem })
      t.regex(`${refused?.saw} ${refused?.headline}`, /not made by this gateway/)
    }
    await engine.remove(id, signal)
    const gone = await t.throwsAsync(engine.attach(id, talk(), signal), { instanceOf: Problem })
    t.is(gone?.code, 'engine-failed')
  })
}
