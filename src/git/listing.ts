// Which repositories there are on the disk, whatever the record says.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type AppName, parseAppPath } from '../domain/app.ts'
import { Problem } from '../domain/problem.ts'

/** By name. What lies in the directory besides is none of ours, and is passed over. */
export async function listRepositories(root: string): Promise<AppName[]> {
  const environments = await directoriesIn(root)
  const found = await Promise.all(
    environments.map(async environment => {
      const names = await directoriesIn(join(root, environment))
      return names.filter(name => name.endsWith('.git')).flatMap(name => nameOf(`${environment}/${name}`))
    }),
  )
  return found.flat()
}

export async function holdsNoObject(repository: string): Promise<boolean> {
  const entries = await readdir(join(repository, 'objects'), { recursive: true, withFileTypes: true })
  return !entries.some(entry => entry.isFile())
}

async function directoriesIn(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries
      .filter(entry => entry.isDirectory())
      .map(({ name }) => name)
      .sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function nameOf(path: string): AppName[] {
  try {
    return [parseAppPath(path)]
  } catch (error) {
    if (error instanceof Problem) return []
    throw error
  }
}
