// What the hook and reading the commit add to a push: the same recorded bytes into a bare `git receive-pack`, and into
// ours with its hook and four files read from the quarantine, alternating. No git client and no ssh, whose noise is
// larger than what is measured. `node bench/hook.ts [PUSHES]`
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseAppPath } from '../src/domain/app.ts'
import { receivePack } from '../src/git/receive-pack.ts'
import { openRepositories } from '../src/git/repositories.ts'
import { median, printTable, rounded, timed } from './support/table.ts'

const pushes = Number(process.argv[2] ?? 60)
const FILES = ['Procfile', '.aptible.yml', 'Dockerfile', '.dockerignore']
const NOTHING = '0'.repeat(40)
const WARM_UP = 10

const directory = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
const work = join(directory, 'work')
const repositories = openRepositories(join(directory, 'repositories'))
const app = parseAppPath('my-env/my-app')
const hooks = fileURLToPath(new URL('../hooks', import.meta.url))

try {
  await repositories.create(app)
  const recorded = record(pushes + WARM_UP)
  const times = { plain: [] as number[], ours: [] as number[] }
  for (const [i, input] of recorded.entries()) {
    const way = i % 2 === 0 ? 'plain' : 'ours'
    const time = await timed(() => (way === 'plain' ? plainPush(input) : ourPush(input)))
    if (i >= WARM_UP) times[way].push(time)
  }
  printTable([
    {
      what: 'git receive-pack, no hook',
      median: `${rounded(median(times.plain), 1)} ms`,
      pushes: times.plain.length,
    },
    {
      what: 'with the hook, and the commit read',
      median: `${rounded(median(times.ours), 1)} ms`,
      pushes: times.ours.length,
    },
    { what: 'added', median: `${rounded(median(times.ours) - median(times.plain), 1)} ms`, pushes: '' },
  ])
} finally {
  rmSync(directory, { recursive: true, force: true })
}

/** What a client sends for each of so many commits on master: the ref line, then the pack. */
function record(count: number): Buffer[] {
  mkdirSync(work)
  git('init', '-q', '-b', 'master')
  for (const file of FILES) writeFileSync(join(work, file), `${file}\n`)
  let before = NOTHING
  return Array.from({ length: count }, (_, i) => {
    writeFileSync(join(work, 'app.js'), String(i))
    git('add', '-A')
    git('commit', '-q', '-m', `commit ${i}`)
    const id = git('rev-parse', 'HEAD').toString().trim()
    const wanted = before === NOTHING ? `${id}\n` : `${id}\n^${before}\n`
    const pack = execFileSync('git', ['pack-objects', '--revs', '--stdout', '-q'], {
      cwd: work,
      input: wanted,
    })
    const line = `${before} ${id} refs/heads/master\0report-status side-band-64k`
    before = id
    return Buffer.concat([Buffer.from(`${(line.length + 4).toString(16).padStart(4, '0')}${line}0000`), pack])
  })
}

async function plainPush(input: Buffer): Promise<void> {
  const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' }
  const child = spawn('git', ['receive-pack', repositories.path(app)], {
    env,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  child.stdin.end(input)
  const [status] = await once(child, 'close')
  if (status !== 0) throw new Error(`git receive-pack ended with ${status}`)
}

async function ourPush(input: Buffer): Promise<void> {
  const stdin = new PassThrough()
  stdin.end(input)
  const status = await receivePack({
    repository: repositories.path(app),
    hooks,
    stdin,
    stdout: discard(),
    stderr: discard(),
    protocol: null,
    maxBytes: 2 ** 31,
    signal: new AbortController().signal,
    async onPush({ updates, quarantine }) {
      const commit = repositories.commit(app, updates[0]?.new ?? '', quarantine)
      const files = await commit.readMany(FILES, 100_000)
      return [...files.values()].every(content => content !== null)
    },
  })
  if (status !== 0) throw new Error(`receivePack ended with ${status}`)
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() })
}

function git(...words: string[]): Buffer {
  const author = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  return execFileSync('git', words, { cwd: work, env: { ...process.env, ...author } })
}
