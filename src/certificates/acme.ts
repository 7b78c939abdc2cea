// Orders a certificate from an ACME authority (RFC 8555), proving by HTTP-01 that the hostname leads here.
import { setTimeout as delay } from 'node:timers/promises'
import { type Authorization, Client, crypto, type Order } from 'acme-client'
import type { Hostname } from '../domain/endpoint.ts'
import type { Router } from '../domain/router.ts'
import { Secret } from '../domain/secret.ts'
import type { AcmeAccount } from '../store/certificate-keys.ts'
import type { Store } from '../store/store.ts'
import { exchanging } from './acme-exchange.ts'
import { Refusal, refusalOf } from './refusal.ts'

export interface Ordering {
  readonly directory: string
  /** Whoever gives one agrees to the authority's terms. */
  readonly email: string
  /** PEM certificates of authorities that the directory is trusted by besides the usual ones, null for none. */
  readonly ca: string | null
  readonly accounts: Pick<Store['certificateKeys'], 'account' | 'keepAccount'>
  readonly router: Pick<Router, 'answerChallenge' | 'forgetChallenge'>
}

/** A step of an order: it is placed, the hostname is proved to be ours, the certificate is signed. */
export type Step = 'order' | 'proof' | 'signature'

/** Milliseconds before the nth look at what the authority does, counted from 0. */
const PAUSE = (n: number) => Math.min(5000, 500 * 2 ** n)
/** Milliseconds that the router gets to forget a challenge, also when the order was given up. */
const FORGETTING = 10_000
/** How often it is asked to look again when it could not reach us; most look several times by themselves. */
const MORE_LOOKS = 2
const TOKEN = /^[A-Za-z0-9_-]{16,256}$/

/**
 * @param begun told with each step as it begins
 * @returns PEM: the chain and its key after one another
 * @throws Refusal; what the socket reports; Problem of the router; `signal.reason`
 */
export function order(
  ordering: Ordering,
  hostname: Hostname,
  signal: AbortSignal,
  begun: (step: Step) => void,
): Promise<Secret> {
  return exchanging({ signal, ca: ordering.ca }, async () => {
    begun('order')
    const identifiers = [{ type: 'dns', value: hostname }]
    let client = await clientOf(ordering)
    const placed = await client.createOrder({ identifiers }).catch(async error => {
      if (!isForgotten(error)) throw error
      client = await newClient(ordering)
      return client.createOrder({ identifiers })
    })
    for (const authorization of await client.getAuthorizations(placed)) {
      if (authorization.status === 'valid') continue
      begun('proof')
      await prove(ordering, client, placed, authorization, signal)
    }
    const ready = await reached(client, placed, ['ready', 'valid'], signal)
    begun('signature')
    const key = await crypto.createPrivateEcdsaKey()
    const [, request] = await crypto.createCsr({ altNames: [hostname] }, key)
    await client.finalizeOrder(ready, request)
    const chain = await client.getCertificate(await reached(client, placed, ['valid'], signal))
    return new Secret(`${chain}\n${key.toString()}`)
  })
}

/** With the account that is kept for this directory, or a new one. */
async function clientOf(ordering: Ordering): Promise<Client> {
  const { accounts, directory, email } = ordering
  const kept = accounts.account(directory)
  if (kept === null) return newClient(ordering)
  const client = clientWith(directory, kept)
  if (kept.email === email) return client
  try {
    await client.updateAccount({ contact: [`mailto:${email}`] })
  } catch (error) {
    if (isForgotten(error)) return newClient(ordering)
    throw error
  }
  accounts.keepAccount(directory, { ...kept, email })
  return client
}

async function newClient({ accounts, directory, email }: Ordering): Promise<Client> {
  const key = new Secret((await crypto.createPrivateEcdsaKey()).toString())
  const client = clientWith(directory, { key })
  await client.createAccount({ termsOfServiceAgreed: true, contact: [`mailto:${email}`] })
  accounts.keepAccount(directory, { url: client.getAccountUrl(), email, key })
  return client
}

/** An authority that lost its accounts, or threw away one that was not used, takes a new one. */
function isForgotten(error: unknown): boolean {
  return error instanceof Refusal && error.kind === 'accountDoesNotExist'
}

function clientWith(directory: string, { key, url }: Pick<AcmeAccount, 'key'> & { url?: string }): Client {
  return new Client({
    directoryUrl: directory,
    accountKey: key.reveal(),
    ...(url !== undefined && { accountUrl: url }),
  })
}

async function prove(
  { router }: Ordering,
  client: Client,
  placed: Order,
  { url, challenges }: Authorization,
  signal: AbortSignal,
): Promise<void> {
  const challenge = challenges.find(({ type }) => type === 'http-01')
  if (challenge === undefined) throw new Refusal(null, 'It offers no proof over HTTP (HTTP-01).')
  if (!TOKEN.test(challenge.token)) throw new Refusal(null, 'It gave a token that is none of ACME.')
  await using undo = new AsyncDisposableStack()
  // What could not be taken away is an answer to a question that nobody asks any more.
  undo.defer(() => router.forgetChallenge(challenge.token, AbortSignal.timeout(FORGETTING)).catch(() => {}))
  await router.answerChallenge(challenge.token, await client.getChallengeKeyAuthorization(challenge), signal)
  await client.completeChallenge(challenge)
  for (let n = 0, more = 0; ; n++) {
    await delay(PAUSE(n), undefined, { signal })
    const all = await client.getAuthorizations(placed)
    const now = all.find(each => each.url === url)
    if (now?.status === 'valid') return
    const state = now?.challenges.find(each => each.url === challenge.url)
    if (now?.status !== 'pending' || state?.status === 'invalid') throw refusalOf(state?.error)
    // It did not get through to us: some authorities leave it at that until they are asked again.
    if (state?.status === 'pending' && state.error !== undefined) {
      if (more === MORE_LOOKS) throw refusalOf(state.error)
      more++
      await client.completeChallenge(challenge)
    }
  }
}

async function reached(client: Client, placed: Order, states: readonly string[], signal: AbortSignal) {
  for (let n = 0; ; n++) {
    const now = await client.getOrder(placed)
    if (states.includes(now.status)) return now
    if (now.status === 'invalid') throw refusalOf((now as { error?: unknown }).error)
    await delay(PAUSE(n), undefined, { signal })
  }
}
