// A router in memory whose calls are noted, and can be made to throw or to wait.
import type { Router } from '../../src/domain/router.ts'
import { type FakeRouter, fakeRouter } from './fake-router.ts'

type Hook<Call extends keyof Router> = (...args: Parameters<Router[Call]>) => unknown

export interface WatchedRouter extends Router, Pick<FakeRouter, 'open' | 'vanish'> {
  /** Name of every call so far, with the hostnames that it was about: `update a.test`. */
  readonly calls: readonly string[]
  /** `a.test 10.0.0.1:5000 10.0.0.2:5000`, in the order of the slots. */
  shown(): Promise<string[]>
  /**
   * Has `hook` run before each such call, which waits for it and throws what it throws.
   * @returns takes the hook away
   */
  on<Call extends keyof Router>(call: Call, hook: Hook<Call>): () => void
}

const CALLS = ['answers', 'update', 'replace', 'remove', 'seen', 'underWay', 'cut', 'putCertificate'] as const
const REST = ['removeCertificate', 'keptCertificates', 'answerChallenge', 'forgetChallenge'] as const

export function watchedRouter(): WatchedRouter {
  const fake = fakeRouter()
  const calls: string[] = []
  const hooks = new Map<keyof Router, Set<Hook<never>>>()

  const watched = (call: keyof Router) => {
    const run = fake[call] as (...args: unknown[]) => Promise<unknown>
    return async (...args: unknown[]) => {
      const [about] = args
      const names = Array.isArray(about) ? about.map(({ hostname }) => hostname).join(' ') : about
      calls.push(typeof names === 'string' && names !== '' ? `${call} ${names}` : call)
      for (const hook of hooks.get(call) ?? []) await (hook as (...args: unknown[]) => unknown)(...args)
      return run(...args)
    }
  }

  return {
    ...(Object.fromEntries([...CALLS, ...REST].map(call => [call, watched(call)])) as unknown as Router),
    open: fake.open,
    vanish: fake.vanish,
    calls,
    async shown() {
      const routes = await fake.seen(new AbortController().signal)
      return routes.map(({ hostname, servers }) =>
        [hostname, ...servers.map(({ address, port }) => `${address}:${port}`)].join(' '),
      )
    },
    on(call, hook) {
      const known = hooks.get(call) ?? new Set()
      hooks.set(call, known.add(hook as Hook<never>))
      return () => known.delete(hook as Hook<never>)
    },
  }
}
