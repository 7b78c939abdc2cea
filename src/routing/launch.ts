// Starts HAProxy as a process that outlives the gateway, and tells in words why it does not start.
import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { HostPort } from '../domain/host-port.ts'
import { Problem } from '../domain/problem.ts'
import type { RouterFiles } from './files.ts'

/** Where packages put it: a gateway that is run by a person often has no sbin in its PATH. */
const PLACES = ['/usr/local/sbin', '/usr/sbin', '/usr/local/bin', '/usr/bin', '/sbin', '/opt/homebrew/bin']

/** Milliseconds in which what a program said last is read. */
const LAST_WORDS = 2000

/** @param given the setting, null to look in the usual places. @throws Problem `router-missing` */
export function findHaproxy(given: string | null): string {
  const found = (given === null ? PLACES.map(place => `${place}/haproxy`) : [given]).find(isProgram)
  if (found !== undefined) return found
  throw new Problem('router-missing', {
    headline: 'Endpoints need HAProxy, and it is not installed here',
    saw:
      given === null
        ? `No haproxy in ${PLACES.join(', ')}.`
        : `FAIRLEAD_HAPROXY is ${given}, and that is no program.`,
    hint: 'Install it (Debian: sudo apt-get install haproxy), or set FAIRLEAD_HAPROXY to its path, and try again.',
  })
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Lines of `global` by which workers that root starts give that up: to the user that Debian's package makes for them,
 * and where there is none to nobody. Others have nothing to give up: the workers of theirs run as they do themselves.
 *
 * @param uid the gateway's. @param accounts the texts of /etc/passwd and /etc/group
 */
export function privileges(uid: number | undefined, accounts: readonly string[]): readonly string[] {
  if (uid !== 0) return []
  return accounts.every(text => /^haproxy:/m.test(text))
    ? ['user haproxy', 'group haproxy']
    : ['uid 65534', 'gid 65534']
}

export function ownPrivileges(): readonly string[] {
  return privileges(process.getuid?.(), ['/etc/passwd', '/etc/group'].map(textOf))
}

/** @returns '' for one that cannot be read */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

export function launchArguments(files: RouterFiles): readonly string[] {
  return ['-W', '-D', '-S', `${files.socket},mode,600`, '-p', files.pid, '-f', files.config]
}

/** Resolves when it has its sockets and its configuration. @throws Problem `router-unreachable` */
export async function launch(
  binary: string,
  files: RouterFiles,
  addresses: readonly HostPort[],
): Promise<void> {
  const { status, words } = await run(binary, launchArguments(files))
  if (status !== 0) throw notStarted(words, addresses)
}

/** @throws Problem `router-failed` for a configuration that HAProxy does not take */
export async function check(binary: string, files: RouterFiles): Promise<void> {
  const { status, words } = await run(binary, ['-c', '-q', '-f', files.config])
  if (status === 0) return
  throw new Problem('router-failed', {
    headline: 'HAProxy does not take the configuration that was written for it',
    saw: words,
    hint: `Nothing was changed in the HAProxy that runs. See ${files.config}, and the version of HAProxy: 2.6 or newer.`,
  })
}

function notStarted(words: string, addresses: readonly HostPort[]): Problem {
  const named = addresses.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`)
  const shown = named.join(' and ')
  const inUse = /address already in use/i.test(words)
  const forbidden = /permission denied/i.test(words)
  const hint = inUse
    ? `Stop what listens there (ss -ltnp names it), or set FAIRLEAD_HTTP and FAIRLEAD_HTTPS to other addresses.`
    : forbidden
      ? `Ports below 1024 take root or a capability: run the gateway with it, or set FAIRLEAD_HTTP and FAIRLEAD_HTTPS to higher ports.`
      : 'Mend what it names, and try again.'
  return new Problem('router-unreachable', {
    headline: inUse || forbidden ? `HAProxy cannot listen on ${shown}` : 'HAProxy does not start',
    saw: words === '' ? 'HAProxy ended without a word.' : words,
    hint,
  })
}

/** Neither the gateway's environment nor its working directory are HAProxy's. */
function run(binary: string, args: readonly string[]): Promise<{ status: number | null; words: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [...args], { cwd: '/', env: {}, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', chunk => {
      said = (said + chunk).slice(-8000)
    })
    child.on('error', reject)
    // Not `close`: what goes on in the background holds the pipe. One that failed leaves nothing there, but its last words.
    child.on('exit', async status => {
      if (status !== 0)
        await finished(child.stderr, { signal: AbortSignal.timeout(LAST_WORDS) }).catch(() => {})
      child.stderr.destroy()
      resolve({ status, words: lastWords(said) })
    })
  })
}

function lastWords(said: string): string {
  const alerts = said.split('\n').filter(line => line.startsWith('[ALERT]'))
  const each = alerts.map(line => line.replace(/^\[ALERT\]\s*\(\d+\) : /, ''))
  return each.slice(0, 4).join('\n')
}
