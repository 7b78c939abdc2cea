// What each setting may be: how its text is read, what it means where it is left out, and what is wrong with it.
import { X509Certificate } from 'node:crypto'
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { parseHostname } from './domain/endpoint.ts'
import { type HostPort, isHostName, isIPv6, parseHostPort } from './domain/host-port.ts'
import { parseSize } from './domain/quantity.ts'
import { LOG_LEVELS } from './log.ts'

/** A segment of a path that stands for the name of an environment. */
export const OF_ENVIRONMENT = '{environment}'
const MOST_KEPT = 1000
/** Where packages put it, though it may not be on the PATH of a user who is not root. */
const SYSTEM_BINARIES = ['/usr/local/sbin', '/usr/sbin']
const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory'
/** One address, and nothing that would make a `mailto:` more than that. */
const EMAIL = /^(?=.{3,254}$)[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/
const OWN_STACKS = fileURLToPath(new URL('../stacks/', import.meta.url))

/**
 * @param cwd what relative paths are relative to
 * @param home where keys of the first operator are looked for
 * @param searchPath the PATH on which programs are looked for
 */
export function settingsSchema(cwd: string, home: string, searchPath: string) {
  const parsed = <T>(parse: (text: string) => T | Fault) =>
    z.string().transform((text, context): T => {
      const value = parse(text)
      if (!(value instanceof Fault)) return value
      context.addIssue({ code: 'custom', message: value.message })
      return z.NEVER
    })
  const path = (text: string) => resolve(cwd, text)
  const authorities = (text: string): string | null | Fault => {
    const file = readable(path(text), 'file')
    return file instanceof Fault ? file : certificatesIn(readFileSync(file, 'latin1'))
  }
  return z.object({
    FAIRLEAD_DATA: parsed(path).prefault('data'),
    FAIRLEAD_SSH: parsed(
      text =>
        parseHostPort(text) ??
        new Fault('is no address and port, for example 127.0.0.1:2222, 0.0.0.0:22 or [::1]:22'),
    ).prefault('127.0.0.1:2222'),
    FAIRLEAD_METRICS: parsed((text): HostPort | null | Fault => {
      const address = parseHostPort(text)
      return address !== null && /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(address.host)
        ? address
        : new Fault('is no loopback address and port, for example 127.0.0.1:9464')
    }).default(null),
    FAIRLEAD_STACKS: parsed(text => readable(path(text), 'directory')).prefault(OWN_STACKS),
    FAIRLEAD_OPERATOR_KEYS: parsed((text): readonly string[] | Fault => {
      const file = readable(path(text), 'file')
      return file instanceof Fault ? file : [file]
    }).default(() => publicKeysIn(join(home, '.ssh'))),
    FAIRLEAD_MAX_PUSH: parsed(text => {
      const size = parseSize(text)
      return size !== null && size > 0 ? size : new Fault('is no size, for example 500MiB or 2GiB')
    }).prefault('2GiB'),
    FAIRLEAD_HOST: parsed(text => {
      const plain = /^\[(.*)\]$/.exec(text)?.[1] ?? text
      if (isIPv6(plain)) return `[${plain}]`
      return isHostName(text)
        ? text
        : new Fault('is no host name (without a port), for example deploy.example.com')
    }).prefault('localhost'),
    FAIRLEAD_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `is none of ${LOG_LEVELS.join(', ')}` }).default('info'),
    FAIRLEAD_KEEP_RELEASES: parsed(text => {
      const count = /^\d{1,4}$/.test(text) ? Number(text) : 0
      return count >= 1 && count <= MOST_KEPT
        ? count
        : new Fault(`is no number of releases from 1 to ${MOST_KEPT}`)
    }).prefault('5'),
    FAIRLEAD_REGISTRY_FILES: parsed((text): string | null | Fault => readableTemplate(path(text))).default(
      null,
    ),
    FAIRLEAD_DOMAIN: parsed(
      text => parseHostname(text) ?? new Fault('is no domain in lower case, for example apps.example.com'),
    ).prefault('localhost'),
    FAIRLEAD_HTTP: parsed(text => fixedPort(text, '0.0.0.0:80')).prefault('127.0.0.1:8080'),
    FAIRLEAD_HTTPS: parsed((text): HostPort | null | Fault => fixedPort(text, '0.0.0.0:443')).default(null),
    FAIRLEAD_HAPROXY: parsed((text): string | null | Fault => {
      const file = readable(path(text), 'file')
      return file instanceof Fault || isExecutable(file) ? file : new Fault('is no program that can be run')
    }).default(() => findProgram('haproxy', [...searchPath.split(delimiter), ...SYSTEM_BINARIES])),
    FAIRLEAD_ROUTER_SOCKET: parsed((text): string | null => path(text)).default(null),
    FAIRLEAD_REGISTRY_CA: parsed(authorities).default(null),
    FAIRLEAD_ACME: parsed(text => {
      const url = URL.parse(text)
      return url?.protocol === 'https:' && url.username === '' && url.password === ''
        ? url.href
        : new Fault(`is no https:// address of a directory, for example ${LETS_ENCRYPT}`)
    }).prefault(LETS_ENCRYPT),
    FAIRLEAD_ACME_EMAIL: parsed((text): string | null | Fault =>
      EMAIL.test(text) ? text : new Fault('is no email address, for example ops@example.com'),
    ).default(null),
    FAIRLEAD_ACME_CA: parsed(authorities).default(null),
  })
}

/** Words that follow the value in a message. */
class Fault {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/** The router's address is printed in URLs, and it is found again after a restart: its port cannot be any free one. */
function fixedPort(text: string, example: string): HostPort | Fault {
  const address = parseHostPort(text)
  return address === null || address.port === 0
    ? new Fault(`is no address and port, for example ${example}`)
    : address
}

function findProgram(name: string, directories: readonly string[]): string | null {
  const absolute = directories.filter(isAbsolute).map(directory => join(directory, name))
  return absolute.find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function readable(path: string, kind: 'directory' | 'file'): string | Fault {
  try {
    accessSync(path, constants.R_OK)
    const stats = statSync(path)
    return (kind === 'file' ? stats.isFile() : stats.isDirectory()) ? path : new Fault(`is no ${kind}`)
  } catch (error) {
    return new Fault(`is no ${kind} that can be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** As far as it is the same for all: an environment's own may come later. */
function readableTemplate(path: string): string | Fault {
  const segments = path.split('/')
  const first = segments.indexOf(OF_ENVIRONMENT)
  if (segments.some(segment => segment !== OF_ENVIRONMENT && segment.includes(OF_ENVIRONMENT)))
    return new Fault(`has more than ${OF_ENVIRONMENT} between two slashes`)
  const common = first === -1 ? path : segments.slice(0, first).join('/') || '/'
  const seen = readable(common, 'directory')
  return seen instanceof Fault ? seen : path
}

/** The PEM certificates of a text, expired ones too: without the keys and words that may stand between them. */
function certificatesIn(text: string): string | Fault {
  const begin = '-----BEGIN CERTIFICATE-----'
  const found = text
    .split(begin)
    .slice(1)
    .map(rest => begin + rest.replace(/(-----END CERTIFICATE-----).*$/s, '$1\n'))
  if (found.length === 0) return new Fault(`holds no certificate in PEM form (${begin})`)
  const broken = found.findIndex(each => !isCertificate(each))
  return broken === -1
    ? found.join('')
    : new Fault(`holds a certificate that cannot be read: number ${broken + 1} of ${found.length}`)
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function publicKeysIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter(name => name.endsWith('.pub'))
    return names.sort().map(name => join(directory, name))
  } catch {
    return []
  }
}
