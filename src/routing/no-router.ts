// In the place of a router that cannot be: everything but endpoints works without one.
import type { Problem } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'

/** Every call says why there is none. */
export function noRouter(why: Problem): Router {
  return new Proxy({} as Router, { get: () => () => Promise.reject(why) })
}
