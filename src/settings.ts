// What the gateway is told from outside, read once: the environment, then `.env` in the working directory for what
// the environment leaves out. All that is wrong is reported in one Problem.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'dotenv'
import type { Hostname } from './domain/endpoint.ts'
import type { HostPort } from './domain/host-port.ts'
import { nearest } from './domain/nearest.ts'
import { printable } from './domain/printable.ts'
import { Problem } from './domain/problem.ts'
import type { LogLevel } from './log.ts'
import { settingsSchema } from './settings-schema.ts'

export interface Settings {
  /** Directory of everything the gateway keeps. Absolute, as all paths here. */
  readonly data: string
  /** Where the SSH server listens. Port 0 takes any free one; `host` is without brackets. */
  readonly ssh: HostPort
  /** Where health and metrics are served, on loopback; null for nowhere. */
  readonly metrics: HostPort | null
  /** Directory of stack files. */
  readonly stacks: string
  /** Files in authorized_keys format with the keys of the first operator; none when nothing was found. */
  readonly operatorKeys: readonly string[]
  /** Bytes. */
  readonly maxPush: number
  /** Host name that git remotes are printed with, an IPv6 address in brackets. */
  readonly host: string
  readonly logLevel: LogLevel
  /** How many images of releases that were live stay on the engine, the live one's among them. */
  readonly keepReleases: number
  /**
   * Directory below which `file:` addresses of registry credentials may lie, null for none. Where it holds
   * `{environment}`, every environment has one of its own.
   */
  readonly registryFiles: string | null
  /** PEM certificates of authorities that registries are trusted by besides the usual ones; nothing else is in it. */
  readonly registryCa: string | null
  /** Apps get hostnames below it. */
  readonly domain: Hostname
  /** Where the router takes requests over HTTP, and over HTTPS, null for nowhere. */
  readonly http: HostPort
  readonly https: HostPort | null
  /** Path of the HAProxy that is started, null when there is none. */
  readonly haproxy: string | null
  /** Path of the master socket of an HAProxy that somebody else runs; null: the gateway starts one. */
  readonly routerSocket: string | null
  /** Address of the directory of the authority that certificates of endpoints are ordered from. */
  readonly acme: string
  /** The gateway's address there; null when nothing can be ordered. */
  readonly acmeEmail: string | null
  /** PEM certificates of authorities that it is trusted by besides the usual ones; nothing else is in it. */
  readonly acmeCa: string | null
}

/** Read by scripts and the CLI. */
const ELSEWHERE = [
  'FAIRLEAD_SETUP',
  'FAIRLEAD_REMOTE',
  'FAIRLEAD_ENGINE_SOCKET',
  'FAIRLEAD_ENGINE_ROOT',
  'FAIRLEAD_ENGINE_FLAGS',
]

/**
 * @param environment the process's variables
 * @param cwd where `.env` lies and what relative paths are relative to
 * @throws Problem `settings-invalid`
 */
export function readSettings(environment: Record<string, string | undefined>, cwd: string): Settings {
  const file = readEnvFile(join(cwd, '.env'))
  // A variable that is set to nothing counts as not set: that is how Compose files pass one on.
  const given = Object.fromEntries(
    Object.entries({ ...file, ...definedOnly(environment) }).filter(
      ([name, value]) => name.startsWith('FAIRLEAD_') && value !== '',
    ),
  )
  const schema = settingsSchema(cwd, environment.HOME || homedir(), environment.PATH ?? '')
  const names = Object.keys(schema.shape)
  const unknown = Object.keys(given)
    .filter(name => !names.includes(name) && !ELSEWHERE.includes(name))
    .map(name => {
      const near = nearest(name, [...names, ...ELSEWHERE])
      return `${printable(name)} is no setting${near === null ? '' : `; did you mean ${near}?`}`
    })
  const result = schema.safeParse(given)
  const faults = (result.error?.issues ?? []).map(issue => {
    const name = String(issue.path[0])
    return `${name}: ${JSON.stringify(printable(given[name] ?? ''))} ${issue.message}`
  })
  const all = [...faults, ...unknown]
  if (result.success && all.length === 0) {
    const { data } = result
    return {
      data: data.FAIRLEAD_DATA,
      ssh: data.FAIRLEAD_SSH,
      metrics: data.FAIRLEAD_METRICS,
      stacks: data.FAIRLEAD_STACKS,
      operatorKeys: data.FAIRLEAD_OPERATOR_KEYS,
      maxPush: data.FAIRLEAD_MAX_PUSH,
      host: data.FAIRLEAD_HOST,
      logLevel: data.FAIRLEAD_LOG_LEVEL,
      keepReleases: data.FAIRLEAD_KEEP_RELEASES,
      registryFiles: data.FAIRLEAD_REGISTRY_FILES,
      registryCa: data.FAIRLEAD_REGISTRY_CA,
      domain: data.FAIRLEAD_DOMAIN,
      http: data.FAIRLEAD_HTTP,
      https: data.FAIRLEAD_HTTPS,
      haproxy: data.FAIRLEAD_HAPROXY,
      routerSocket: data.FAIRLEAD_ROUTER_SOCKET,
      acme: data.FAIRLEAD_ACME,
      acmeEmail: data.FAIRLEAD_ACME_EMAIL,
      acmeCa: data.FAIRLEAD_ACME_CA,
    }
  }
  throw new Problem('settings-invalid', {
    headline: all.length === 1 ? 'A setting cannot be used' : `${all.length} settings cannot be used`,
    saw: all.join('\n'),
    hint: 'Correct them in the environment or in .env, and start again. The README lists every setting.',
  })
}

function readEnvFile(path: string): Record<string, string> {
  try {
    return parse(readFileSync(path))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Problem('settings-invalid', {
      headline: `${path} cannot be read`,
      saw: (cause as Error).message,
      hint: 'Make it a file that the gateway may read, or remove it.',
      cause,
    })
  }
}

function definedOnly(environment: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  )
}
