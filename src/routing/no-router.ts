// In the place of a router that cannot be: everything but endpoints works without one.
import type { Problem } from '../domain/problem.ts'
import type { Router } from '../domain/router.ts'

/** Every call says why there is none, but for what is kept on its behalf: that is nothing. */
export function noRouter(why: Problem): Router {
  const keptCertificates: Router['keptCertificates'] = async () => []
  return new Proxy({ keptCertificates } as Router, {
    get: (known, call: keyof Router) => known[call] ?? (() => Promise.reject(why)),
  })
}
