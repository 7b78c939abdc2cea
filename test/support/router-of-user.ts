// A program: the router of a gateway that is not root. Run by root, it becomes another user first, once it has been read:
// a checkout need not be readable by everybody. Its arguments are the router's options and that user's id as JSON, its
// input has a line of routes or of a certificate for every call, and it answers each with `done` or the Problem.
import { createInterface } from 'node:readline'
import type { Hostname } from '../../src/domain/endpoint.ts'
import { Problem } from '../../src/domain/problem.ts'
import type { Route } from '../../src/domain/router.ts'
import { Secret } from '../../src/domain/secret.ts'
import { createRouter } from '../../src/routing/haproxy.ts'

/** One line of its input. */
export type Call =
  | { readonly replace: readonly Route[] }
  | { readonly certificate: { readonly hostname: Hostname; readonly pem: string } }

const [options = '{}', user = '0'] = process.argv.slice(2)
const id = Number(user)
if (process.getuid?.() === 0) {
  process.setgroups?.([])
  process.setgid?.(id)
  process.setuid?.(id)
}
const quiet = () => {}
const router = createRouter({ ...JSON.parse(options), log: { info: quiet, warn: quiet, error: quiet } })
const { signal } = new AbortController()

for await (const line of createInterface({ input: process.stdin })) {
  const call: Call = JSON.parse(line)
  const work =
    'replace' in call
      ? router.replace(call.replace, signal)
      : router.putCertificate(call.certificate.hostname, new Secret(call.certificate.pem), signal)
  const answer = await work.then(
    () => 'done',
    error =>
      error instanceof Problem
        ? { headline: error.headline, saw: error.saw, hint: error.hint }
        : String(error),
  )
  console.log(JSON.stringify(answer))
}
await router.close()
