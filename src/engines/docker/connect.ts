// The one way from here to an engine: connects, agrees on an API version, and translates what goes wrong.
import { readFile } from 'node:fs/promises'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { inspect } from 'node:util'
import Docker from 'dockerode'
import { Problem } from '../../domain/problem.ts'
import type { Stack } from '../../domain/stack.ts'
import { untilAborted } from '../../domain/until-aborted.ts'
import { readNdjson } from '../ndjson.ts'
import { openStream } from './stream.ts'
import { statusOf, translate } from './translate.ts'

/** The API that this code was written for, and the oldest that has all it needs (engine 20.10). */
const OURS = '1.47'
const OLDEST = '1.41'
/** Milliseconds for the first answer of an engine. */
const HELLO_TIMEOUT = 10_000

export interface Hello {
  readonly docker: Docker
  /** What the engine said of itself. */
  readonly version: Docker.DockerVersion
  readonly apiVersion: string
}

export interface Connection {
  readonly stack: Stack
  /**
   * Runs a request against the engine, and redoes it once when the engine was replaced by one that speaks
   * another version (such a refusal comes before the engine does anything).
   * @param doing what is attempted, in the infinitive: `create container x`
   * @throws Problem, or signal.reason as soon as it is aborted
   */
  call<T>(
    doing: string,
    request: (docker: Docker, hello: Hello) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>
}

/** Nothing is sent before the first call. */
export function connect(stack: Stack): Connection {
  let known: Promise<Hello> | null = null

  /** Shared by all callers, so it has a deadline of its own instead of one caller's signal. */
  function hello(): Promise<Hello> {
    if (known !== null) return known
    const asked = sayHello(stack)
    known = asked
    asked.catch(forget)
    return asked
  }

  function forget() {
    known = null
  }

  async function attempt<T>(request: (docker: Docker, hello: Hello) => Promise<T>): Promise<T> {
    const first = await hello()
    try {
      return await request(first.docker, first)
    } catch (error) {
      if (!refusesVersion(error)) throw error
      forget()
      const again = await hello()
      return request(again.docker, again)
    }
  }

  return {
    stack,
    async call(doing, request, signal) {
      signal.throwIfAborted()
      try {
        return await untilAborted(attempt(request), signal)
      } catch (error) {
        signal.throwIfAborted()
        const translated = translate(error, doing, stack.name)
        if (translated instanceof Problem && translated.code === 'engine-unreachable') forget()
        throw translated
      }
    },
  }
}

async function sayHello(stack: Stack): Promise<Hello> {
  const version = await ask(stack, await reach(stack, undefined))
  const apiVersion = agree(stack, version)
  return { docker: await reach(stack, `v${apiVersion}`), version, apiVersion }
}

async function ask(stack: Stack, docker: Docker): Promise<Docker.DockerVersion> {
  const deadline = AbortSignal.timeout(HELLO_TIMEOUT)
  try {
    const answer = await openStream(docker, { method: 'GET', path: '/version', query: {} }, deadline)
    for await (const version of readNdjson(answer, deadline)) return version as Docker.DockerVersion
    return {} as Docker.DockerVersion
  } catch (error) {
    if (!deadline.aborted) throw error
    throw new Problem('engine-unreachable', {
      headline: `The Docker engine of stack ${stack.name} does not answer`,
      saw: `No answer within ${HELLO_TIMEOUT / 1000} seconds`,
      hint: "Try again in a minute. For the operator: check that the engine runs and that the stack file's address is right.",
      cause: error,
    })
  }
}

/** The newest version both sides speak. No pinned one would fit: engine 20.10 ends at 1.41, engine 29.0 begins at 1.44. */
function agree(stack: Stack, engine: Docker.DockerVersion): string {
  const newest = engine.ApiVersion ?? '0'
  const oldest = engine.MinAPIVersion ?? '0'
  const agreed = compareVersions(newest, OURS) < 0 ? newest : OURS
  if (compareVersions(agreed, OLDEST) >= 0 && compareVersions(agreed, oldest) >= 0) return agreed
  throw new Problem('engine-failed', {
    headline: `The Docker engine of stack ${stack.name} speaks no API version that the gateway speaks`,
    saw: `Engine ${engine.Version ?? 'unknown'} speaks ${oldest} to ${newest}, the gateway ${OLDEST} to ${OURS}`,
    hint: 'Ask the operator to update the engine (20.10 or newer) or the gateway.',
  })
}

/** Every target is given explicitly: what is left out would be taken from DOCKER_HOST and its kin. */
async function reach(stack: Stack, version: string | undefined): Promise<Docker> {
  const { engine } = stack
  // Connections are not kept: a POST on one that the engine has dropped meanwhile fails, and may not be repeated.
  if (engine.kind === 'unix') {
    return make({
      socketPath: engine.path,
      protocol: 'http',
      agent: new HttpAgent({ keepAlive: false }),
      version,
    })
  }
  const [ca, cert, key] = await Promise.all([
    readPem(stack, engine.ca),
    readPem(stack, engine.cert),
    readPem(stack, engine.key),
  ])
  const agent = new HttpsAgent({ keepAlive: false })
  return make({ host: engine.host, port: engine.port, protocol: 'https', ca, cert, key, agent, version })
}

function make(target: Docker.DockerOptions & { agent: HttpAgent }): Docker {
  // docker-modem inspects its options to any depth at every request, for a debug line that nobody reads. Through the
  // agent it would walk all open sockets, which took a tenth of the time of a deploy.
  Object.defineProperty(target.agent, inspect.custom, { value: () => 'Agent' })
  const nothing = { host: undefined, port: undefined, socketPath: undefined, timeout: undefined }
  const noTls = { ca: undefined, cert: undefined, key: undefined }
  return new Docker({ ...nothing, ...noTls, pathPrefix: '/', ...target } as Docker.DockerOptions)
}

async function readPem(stack: Stack, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new Problem('stack-invalid', {
      headline: `A certificate file of stack ${stack.name} cannot be read`,
      saw: error instanceof Error ? error.message : String(error),
      hint: `Ask the operator to make ${path} readable for the gateway, or to correct its path in the stack file.`,
      cause: error,
    })
  }
}

function refusesVersion(error: unknown): boolean {
  return statusOf(error) === 400 && /client version \S+ is too (new|old)/.test(String(error))
}

/** Negative, zero or positive, like a comparison for sort. Versions are `major.minor`. */
function compareVersions(a: string, b: string): number {
  const [majorA = 0, minorA = 0] = a.split('.').map(Number)
  const [majorB = 0, minorB = 0] = b.split('.').map(Number)
  return majorA - majorB || minorA - minorB
}
