// Archives as people and strangers make them, for tests of what reads them.
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'

export type ArchiveEntry = Partial<Header> & { readonly name: string; readonly content?: string }

export function makeTar(...entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const archive = pack()
  for (const { content, ...header } of entries) archive.entry(header, content ?? '')
  archive.finalize()
  return buffer(archive)
}

/** As `tar -czf` makes it. */
export async function makeTarGz(...entries: readonly ArchiveEntry[]): Promise<Buffer> {
  return gzipSync(await makeTar(...entries))
}
