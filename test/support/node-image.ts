// An image with a real server in it: the Node that runs the tests, the libraries it is linked with, and
// `node-server.ts`. Some 130 MB: one push to a registry and one pull serve all releases of a run, since the server
// learns from its environment which release it is.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { TestImage } from './registry.ts'

const SERVER = fileURLToPath(new URL('./node-server.ts', import.meta.url))

/** What its Procfile line is, where there is one. */
export const SERVE = 'exec /bin/node /server.mts'

export function nodeImage(): TestImage {
  const libraries = linkedLibraries(process.execPath).map(path => [path, readFileSync(path)] as const)
  return {
    files: {
      ...Object.fromEntries(libraries),
      '/bin/node': readFileSync(process.execPath),
      '/server.mts': readFileSync(SERVER),
    },
    cmd: ['/bin/node', '/server.mts'],
  }
}

/** Absolute paths, the loader's among them; none for a program that is linked statically. */
function linkedLibraries(program: string): string[] {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' })
  return [...listed.matchAll(/(\/\S+) \(0x[0-9a-f]+\)/g)].flatMap(([, path]) => path ?? [])
}
