// What git and we leave behind when the machine dies: removed at start, before anybody can push.
import type { Dirent } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** @param root the directory of all repositories. @returns how many files and directories were removed */
export async function sweep(root: string): Promise<number> {
  let removed = 0
  const remove = async (directory: string, stale: RegExp) => {
    for (const { name } of await entries(directory)) {
      if (!stale.test(name)) continue
      await rm(join(directory, name), { recursive: true, force: true })
      removed++
    }
  }
  const removeLocks = async (directory: string): Promise<void> => {
    await remove(directory, /\.lock$/)
    for (const entry of await entries(directory)) {
      if (entry.isDirectory()) await removeLocks(join(directory, entry.name))
    }
  }

  for (const environment of await directories(root)) {
    // Repositories that were being made or removed.
    await remove(join(root, environment), /^\.(?:new|removed)-/)
    for (const repository of await directories(join(root, environment))) {
      if (!repository.endsWith('.git')) continue
      const home = join(root, environment, repository)
      const objects = join(home, 'objects')
      await remove(objects, /^(?:tmp_objdir-|incoming-|tmp_)/)
      await remove(join(objects, 'pack'), /^(?:tmp_|\.tmp-)/)
      for (const fan of await directories(objects)) {
        if (/^[0-9a-f]{2}$/.test(fan)) await remove(join(objects, fan), /^tmp_obj_/)
      }
      await remove(home, /^(?:HEAD|packed-refs|config|shallow|gc\.pid)\.lock$|^gc\.pid$/)
      await removeLocks(join(home, 'refs'))
    }
  }
  return removed
}

async function directories(path: string): Promise<string[]> {
  return (await entries(path)).filter(entry => entry.isDirectory()).map(entry => entry.name)
}

async function entries(path: string): Promise<Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
