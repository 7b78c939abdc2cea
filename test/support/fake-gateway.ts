// A real SSH server that answers every command with what it got: for tests of the ssh client's side.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'

export interface Call {
  readonly command: string
  readonly stdin: string
  /** The same, when it may be no text. */
  readonly bytes: Buffer
}

export interface FakeGateway {
  readonly port: number
  readonly calls: readonly Call[]
  /** For GIT_SSH_COMMAND: the system's ssh with a key of its own, no known hosts and no configuration. */
  readonly sshCommand: string
  close(): Promise<void>
}

export interface Answer {
  readonly stdout?: string
  readonly stderr?: string
  readonly status: number
}

/**
 * @param answer is given each command, after its standard input has ended if `waitsForInput`; null breaks the
 * connection
 */
export async function fakeGateway(
  answer: (call: Call) => Answer | null,
  { waitsForInput = true }: { waitsForInput?: boolean } = {},
): Promise<FakeGateway> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-fake-gateway-'))
  const key = join(directory, 'key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const calls: Call[] = []
  const server = new ssh2.Server({ hostKeys: [readFileSync(key)] }, connection => {
    connection.on('error', () => {})
    connection.on('authentication', context => context.accept())
    connection.on('session', accept => {
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec()
        const chunks: Buffer[] = []
        const reply = (): void => {
          const bytes = Buffer.concat(chunks)
          const call = { command, stdin: bytes.toString(), bytes }
          calls.push(call)
          const answered = answer(call)
          if (answered === null) return void connection.end()
          const { stdout = '', stderr = '', status } = answered
          channel.write(stdout)
          channel.stderr.write(stderr)
          channel.exit(status)
          channel.end()
        }
        channel.on('data', (chunk: Buffer) => chunks.push(chunk))
        if (waitsForInput) channel.on('end', reply)
        else reply()
      })
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    sshCommand: `ssh -F none -i '${key}' -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`,
    close: async () => {
      await new Promise<void>(resolve => server.close(() => resolve()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
