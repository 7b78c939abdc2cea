// Takes all the space that a file system has left.
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Writes until nothing more fits. @returns the file that holds it */
export function fillDisk(directory: string): string {
  const path = join(directory, 'filler')
  const file = openSync(path, 'w')
  for (let size = 1 << 20; size >= 1; size >>= 1) {
    try {
      while (writeSync(file, Buffer.alloc(size)) === size);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
  closeSync(file)
  return path
}
