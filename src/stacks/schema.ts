// What a stack file may hold: every key with its default and its bounds. Messages follow the key's name.
import { z } from 'zod'
import { parseHostPort } from '../domain/host-port.ts'
import { parseDuration, parseSize } from '../domain/quantity.ts'
import { poolFault } from '../domain/subnets.ts'

/** A value that `read` turns into what it means; a text is what is wrong with it. */
const value = <T extends number | object | string>(read: (given: unknown) => T | Fault) =>
  z.unknown().transform((given, context): T => {
    const result = given === undefined ? new Fault('is missing') : read(given)
    if (!(result instanceof Fault)) return result
    context.addIssue({ code: 'custom', message: result.message })
    return z.NEVER
  })

class Fault {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

const wrong = (given: unknown, expected: string) => new Fault(`${show(given)} is no ${expected}`)
const show = (given: unknown) => JSON.stringify(given)?.slice(0, 80) ?? String(given)

function number(least: number, most: number, whole: boolean) {
  const expected = `${whole ? 'whole number' : 'number'} from ${least} to ${most}`
  return value(given =>
    typeof given === 'number' && given >= least && given <= most && (!whole || Number.isInteger(given))
      ? given
      : wrong(given, expected),
  )
}

/** Whole seconds, at most `most` of them. */
const duration = (least: number, most: number, example: string) =>
  value(given => {
    const seconds = typeof given === 'string' ? parseDuration(given) : null
    if (seconds === null || !Number.isInteger(seconds))
      return wrong(given, `duration, for example ${example}`)
    if (seconds >= least && seconds <= most) return seconds
    return new Fault(`${show(given)} is not between ${least}s and ${most / 3600}h`)
  })

const memory = value(given => {
  const bytes = typeof given === 'string' ? parseSize(given) : null
  if (bytes === null) return wrong(given, 'size, for example 512MiB')
  return bytes >= 6 * 2 ** 20 ? bytes : new Fault(`${show(given)} is less than the 6MiB an engine asks for`)
})

const space = value(given => {
  const bytes = given === 0 ? 0 : typeof given === 'string' ? parseSize(given) : null
  return bytes ?? wrong(given, 'size, for example 5GiB, or 0 for none')
})

const oneOf = <T extends number | string>(...allowed: T[]) =>
  value(given => allowed.find(each => each === given) ?? wrong(given, `choice: write ${allowed.join(', ')}`))

const pool = value(given => {
  const fault =
    typeof given === 'string' ? poolFault(given) : 'is not an IPv4 network, for example 10.210.0.0/16'
  return fault === null ? (given as string) : new Fault(`${show(given)} ${fault}`)
})

const socket = value(given =>
  typeof given === 'string' && /^\/[^\0]+$/.test(given)
    ? given
    : wrong(given, 'absolute path of a socket, for example /var/run/docker.sock'),
)

const address = value(given => {
  const parsed = typeof given === 'string' ? parseHostPort(given) : null
  return parsed !== null && parsed.port > 0
    ? parsed
    : wrong(given, 'host and port, for example engine.example.com:2376')
})

const file = value(given =>
  typeof given === 'string' && given !== '' ? given : wrong(given, 'path of a PEM file'),
)

/** A group of keys. One whose every line is commented out is null in YAML, and means the defaults. */
const group = <T extends z.ZodRawShape>(shape: T) =>
  z.preprocess(
    given => given ?? {},
    z.strictObject(shape, {
      error: issue => (issue.code === 'invalid_type' ? 'has to hold keys of its own' : undefined),
    }),
  )

export const stackSchema = z.strictObject(
  {
    version: oneOf(1, 2),
    engine: group({
      unix: socket.optional(),
      tcp: address.optional(),
      ca: file.optional(),
      cert: file.optional(),
      key: file.optional(),
    }),
    limits: group({
      memory: memory.prefault('512MiB'),
      cpus: number(0.01, 512, false).prefault(1),
      pids: number(1, 4194304, true).prefault(512),
    }),
    network: group({
      pool: pool.prefault('10.210.0.0/16'),
      size: number(8, 30, true).prefault(26),
    }),
    build: group({
      builder: oneOf('auto', 'buildkit', 'classic').prefault('auto'),
      timeout: duration(1, 86400, '30m').prefault('30m'),
      floor: space.prefault('1GiB'),
      cache: space.nullable().default(null),
    }),
    settle: duration(0, 3600, '3s').prefault('3s'),
    healthy: duration(1, 3600, '60s').prefault('60s'),
    drain: duration(0, 3600, '15s').prefault('15s'),
    grace: duration(0, 3600, '10s').prefault('10s'),
  },
  {
    error: issue =>
      issue.code === 'invalid_type'
        ? 'a stack file holds keys, beginning with version and engine'
        : undefined,
  },
)

/** The keys known under a path of the file, to tell the nearest of. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['version', 'engine', 'limits', 'network', 'build', 'settle', 'healthy', 'drain', 'grace'],
  engine: ['unix', 'tcp', 'ca', 'cert', 'key'],
  limits: ['memory', 'cpus', 'pids'],
  network: ['pool', 'size'],
  build: ['builder', 'timeout', 'floor', 'cache'],
}
