// docker.tar.gz, the archive of a `.docker` directory that DC/OS fetches: the file of credentials in it. An archive may
// be made by anybody, so what it unpacks to is bounded, and links in it are read over.
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { printable } from '../domain/printable.ts'
import { Problem } from '../domain/problem.ts'

/** Bytes of the tar. */
const MAX_UNPACKED = 8 * 1024 * 1024
const MAX_ENTRIES = 1000
const MAX_SHOWN = 5
/** The first of them that is there counts. */
const WANTED = ['.docker/config.json', 'docker/config.json', 'config.json', '.dockercfg']
const HINT = 'Make it with `tar -C ~ -czf docker.tar.gz .docker/config.json`.'

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

export function isTar(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(257, 262)).toString('latin1') === 'ustar'
}

/**
 * The file of credentials in a tar, gzipped or not, and its name in there.
 * @param file what messages call the archive
 * @throws Problem `dockercfg-invalid`
 */
export async function readDockerArchive(
  bytes: Buffer,
  file: string,
): Promise<{ readonly name: string; readonly bytes: Buffer }> {
  const tar = isGzip(bytes) ? await unpack(bytes, file) : bytes
  const { found, names } = await filesOf(tar, file)
  const name = WANTED.find(each => found.has(each))
  const content = name === undefined ? undefined : found.get(name)
  if (name !== undefined && content !== undefined) return { name, bytes: content }
  const shown = names.slice(0, MAX_SHOWN).map(each => printable(each, 80))
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : ''
  throw invalid(
    `${file} holds no .docker/config.json`,
    names.length === 0 ? 'There is no file in it.' : `The files in it: ${shown.join(', ')}${more}.`,
  )
}

async function unpack(bytes: Buffer, file: string): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED })
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    if (tooLarge) throw invalid(`${file} unpacks to more than ${MAX_UNPACKED} bytes`, undefined)
    throw invalid(`${file} is cut off or damaged: its gzip cannot be read to the end`, undefined)
  }
}

interface Files {
  readonly found: ReadonlyMap<string, Buffer>
  /** Of all files in it, found or not. */
  readonly names: readonly string[]
}

async function filesOf(tar: Buffer, file: string): Promise<Files> {
  const found = new Map<string, Buffer>()
  const names: string[] = []
  const archive = extract()
  archive.end(tar)
  try {
    let count = 0
    for await (const entry of archive) {
      count += 1
      if (count > MAX_ENTRIES) throw invalid(`${file} has more than ${MAX_ENTRIES} entries`, undefined)
      // Null where the digits of a size are none: the library then waits for bytes that it never hands over.
      if (typeof entry.header.size !== 'number') throw new Error('an entry without a size')
      const name = entry.header.name.replace(/^(?:\.\/)+/, '')
      if (entry.header.type !== 'file') {
        entry.resume()
        continue
      }
      names.push(name)
      if (!WANTED.includes(name)) {
        entry.resume()
        continue
      }
      const chunks: Buffer[] = []
      for await (const chunk of entry) chunks.push(chunk as Buffer)
      found.set(name, Buffer.concat(chunks))
    }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw invalid(`${file} is not a tar archive, or is cut off or damaged`, undefined)
  }
  return { found, names }
}

function invalid(headline: string, saw: string | undefined): Problem {
  return new Problem('dockercfg-invalid', { headline, ...(saw !== undefined && { saw }), hint: HINT })
}
