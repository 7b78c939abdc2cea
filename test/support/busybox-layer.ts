// A root filesystem small enough to make for every test: busybox with its applets, /tmp, /etc/passwd and what a test adds.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { buffer } from 'node:stream/consumers'
import { pack } from 'tar-stream'

const BUSYBOX = '/bin/busybox'

let applets: string[] | undefined

/**
 * An uncompressed tar, the same bytes for the same files.
 * @param files contents by absolute path, each written with mode 0755 so that scripts run
 */
export async function busyboxLayer(files: Readonly<Record<string, string | Buffer>> = {}): Promise<Buffer> {
  applets ??= execFileSync(BUSYBOX, ['--list'], { encoding: 'utf8' }).trim().split('\n')
  const mtime = new Date(0)
  const tar = pack()
  // An engine refuses a layer that names a path twice.
  const directories = new Set<string>()
  const directory = (name: string, mode = 0o755) => {
    if (!directories.has(name)) tar.entry({ name, type: 'directory', mode, mtime })
    directories.add(name)
  }
  for (const name of ['bin/', 'etc/', 'dev/', 'proc/', 'sys/', 'root/', 'var/']) directory(name)
  directory('tmp/', 0o1777)
  tar.entry({ name: 'bin/busybox', mode: 0o755, mtime }, readFileSync(BUSYBOX))
  for (const applet of applets) {
    if (applet !== 'busybox')
      tar.entry({ name: `bin/${applet}`, type: 'symlink', linkname: 'busybox', mtime })
  }
  tar.entry(
    { name: 'etc/passwd', mode: 0o644, mtime },
    'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n',
  )
  tar.entry({ name: 'etc/group', mode: 0o644, mtime }, 'root:x:0:\nnogroup:x:65534:\n')
  for (const [path, content] of Object.entries(files)) {
    const name = path.replace(/^\/+/, '')
    for (const parent of parents(name)) directory(parent)
    tar.entry({ name, mode: 0o755, mtime }, content)
  }
  tar.finalize()
  return buffer(tar)
}

/** `a/b/c` → `a/`, `a/b/`. */
function parents(path: string): string[] {
  const segments = path.split('/').slice(0, -1)
  return segments.map((_, i) => `${segments.slice(0, i + 1).join('/')}/`)
}
