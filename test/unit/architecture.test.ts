// Keeps who may import whom. The scan is of text, not of syntax: imports in this code base begin a line.
import { globSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const src = fileURLToPath(new URL('../../src/', import.meta.url))

interface Import {
  /** Path below src, or the name of a package. */
  readonly target: string
  /** Nothing of it is left when the program runs. */
  readonly typesOnly: boolean
}

const STATIC = /^(?:import|export)\s+(?:(type\s+)?([^'";]*?)\s*from\s*)?['"]([^'"]+)['"]/gm
const DYNAMIC = /\b(?:import|require|createRequire)\(\s*['"]([^'"]+)['"]/g

function importsOf(file: string, text: string): Import[] {
  const resolve = (target: string) =>
    target.startsWith('.') ? posix.join(posix.dirname(file), target) : target
  const fixed = [...text.matchAll(STATIC)].map(([, type, names = '', target = '']) => ({
    target: resolve(target),
    typesOnly: type !== undefined || everyNameIsType(names),
  }))
  const dynamic = [...text.matchAll(DYNAMIC)].map(([, target = '']) => ({
    target: resolve(target),
    typesOnly: false,
  }))
  return [...fixed, ...dynamic]
}

function everyNameIsType(names: string): boolean {
  const inside = /^\{([^}]*)\}$/s.exec(names.trim())?.[1]
  const each = inside?.split(',').map(name => name.trim())
  return each?.filter(name => name !== '').every(name => name.startsWith('type ')) ?? false
}

const files = globSync('**/*.{ts,js}', { cwd: src }).map(path => {
  const file = path.replaceAll('\\', '/')
  const text = readFileSync(posix.join(src, file), 'utf8')
  return { file, text, imports: importsOf(file, text) }
})

const folderOf = (file: string) => (file.includes('/') ? (file.split('/', 1)[0] ?? '') : '')
const isOurs = (target: string) => /\.(?:ts|js)$/.test(target)

/** The folders whose values a folder may use; the second list is of those whose types it may name besides. */
const ALLOWED: Record<string, { values: string[]; types: string[] }> = {
  domain: { values: [], types: [] },
  deploy: { values: ['domain'], types: ['git', 'store', 'engines', 'routing', 'registry'] },
  git: { values: ['domain'], types: [] },
  ssh: { values: ['domain'], types: [] },
  routing: { values: ['domain'], types: [] },
  certificates: { values: ['domain'], types: ['store'] },
  registry: { values: ['domain'], types: ['git', 'store'] },
  stacks: { values: ['domain'], types: [] },
  store: { values: ['domain'], types: [] },
  engines: { values: ['domain'], types: [] },
  commands: {
    values: ['domain', 'deploy', 'store'],
    types: ['ssh', 'git', 'engines', 'stacks', 'registry', 'settings.ts'],
  },
  monitor: { values: ['domain'], types: ['deploy', 'registry'] },
  cli: { values: ['domain'], types: [] },
}

for (const [folder, allowed] of Object.entries(ALLOWED)) {
  const values = ['itself', ...allowed.values].join(', ')
  test(`${folder} uses the code of ${values} and of no other folder`, t => {
    const strangers = files
      .filter(({ file }) => folderOf(file) === folder)
      .flatMap(({ file, imports }) =>
        imports
          .filter(({ target }) => isOurs(target) && folderOf(target) !== folder)
          .filter(({ target }) => !allowed.values.includes(folderOf(target)))
          .filter(
            ({ target, typesOnly }) => !(typesOnly && allowed.types.includes(folderOf(target) || target)),
          )
          .map(({ target }) => `${file} imports ${target}`),
      )
    t.deepEqual(strangers, [])
  })
}

test('every folder of src has its rule', t => {
  const folders = new Set(files.map(({ file }) => folderOf(file)).filter(folder => folder !== ''))
  t.deepEqual(
    [...folders].filter(folder => !(folder in ALLOWED)),
    [],
  )
})

test('domain names types of Node and uses no code but its own', t => {
  const strangers = files
    .filter(({ file }) => folderOf(file) === 'domain')
    .flatMap(({ file, imports }) =>
      imports
        .filter(({ target }) => !isOurs(target))
        .filter(({ target, typesOnly }) => !(typesOnly && target.startsWith('node:')))
        .map(({ target }) => `${file} imports ${target}`),
    )
  t.deepEqual(strangers, [])
})

for (const [name, home] of [
  ['ssh2', /^ssh\//],
  ['dockerode', /^engines\//],
  ['@grpc/grpc-js', /^engines\//],
  ['pino', /^log\.ts$/],
  ['acme-client', /^certificates\//],
  ['@peculiar/x509', /^certificates\//],
  ['node:sqlite', /^store\//],
  ['isomorphic-git', /^(?:git|cli)\//],
] as const) {
  test(`the package ${name} has one home`, t => {
    const strangers = files
      .filter(({ file }) => !home.test(file))
      .filter(({ imports }) => imports.some(({ target }) => target === name || target.startsWith(`${name}/`)))
    t.deepEqual(
      strangers.map(({ file }) => file),
      [],
    )
  })
}

test('only main.ts, which hands it to the settings, and the CLI read the environment', t => {
  const readers = files
    .filter(({ file }) => file !== 'main.ts' && folderOf(file) !== 'cli')
    .filter(
      ({ text, imports }) =>
        /\bprocess\s*\.\s*env\b/.test(text) ||
        imports.some(({ target }) => /^(?:node:)?process$/.test(target)),
    )
  t.deepEqual(
    readers.map(({ file }) => file),
    [],
  )
})

test('the scan sees every way of importing', t => {
  const text = [
    "import type { A } from './a.ts'",
    "import {\n  type B,\n  type C,\n} from '../x/b.ts'",
    "import { type D, e } from './d.ts'",
    "import f, { type G } from 'f'",
    "import 'node:g'",
    "export { h } from './h.ts'",
    "const i = await import('./i.ts')",
  ].join('\n')
  t.deepEqual(importsOf('deploy/file.ts', text), [
    { target: 'deploy/a.ts', typesOnly: true },
    { target: 'x/b.ts', typesOnly: true },
    { target: 'deploy/d.ts', typesOnly: false },
    { target: 'f', typesOnly: false },
    { target: 'node:g', typesOnly: false },
    { target: 'deploy/h.ts', typesOnly: false },
    { target: 'deploy/i.ts', typesOnly: false },
  ])
})

// The build cache carries nobody's labels: its operator says in the stack file whether it is the gateway's to bound.
test('nothing is ever pruned but a bounded build cache: an engine belongs to others too', t => {
  const pruning = files.filter(({ text }) => /\.prune|\/prune|['"`]prune/i.test(text))
  t.deepEqual(
    pruning.map(({ file, text }) => [file, text.match(/\S*prune\S*/gi)]),
    [['engines/docker/build-cache.ts', ["'/build/prune',"]]],
  )
})
