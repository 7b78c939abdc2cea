// What people do by hand: OpenSSH's server with git behind it, and where wanted a pre-receive hook that deploys.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'

/** OpenSSH insists on being started by its absolute path. */
const SSHD = '/usr/sbin/sshd'

export interface OpenSsh {
  readonly port: number
  /** URL of a new bare repository; `hook` is the text of its pre-receive. */
  repository(name: string, hook?: string): string
  stop(): Promise<void>
}

/** @param publicKey the one key that may log in, as the user who runs this */
export async function startOpenSsh(directory: string, publicKey: string): Promise<OpenSsh> {
  if (!existsSync(SSHD)) throw new Error(`${SSHD} is missing: install the Debian package openssh-server`)
  const root = join(directory, 'openssh')
  mkdirSync(root, { recursive: true, mode: 0o700 })
  mkdirSync('/run/sshd', { recursive: true })
  const hostKey = join(root, 'host_key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey])
  writeFileSync(join(root, 'authorized_keys'), publicKey, { mode: 0o600 })
  const port = await freePort()
  writeFileSync(
    join(root, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${join(root, 'authorized_keys')}`,
      `PidFile ${join(root, 'sshd.pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'MaxStartups 500',
      'MaxSessions 500',
      '',
    ].join('\n'),
  )
  const child = spawn(SSHD, ['-D', '-e', '-f', join(root, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    child.once('exit', status => reject(new Error(`sshd ended with ${status}: ${said}`)))
    child.stderr.on('data', chunk => {
      said += chunk
      if (said.includes('Server listening')) resolve()
    })
  })
  return {
    port,
    repository(name, hook) {
      const path = join(root, `${name}.git`)
      execFileSync('git', ['init', '-q', '--bare', path])
      if (hook !== undefined) {
        writeFileSync(join(path, 'hooks/pre-receive'), hook)
        chmodSync(join(path, 'hooks/pre-receive'), 0o755)
      }
      return `ssh://${userInfo().username}@127.0.0.1:${port}${path}`
    },
    async stop() {
      child.removeAllListeners('exit')
      if (child.exitCode !== null) return
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
