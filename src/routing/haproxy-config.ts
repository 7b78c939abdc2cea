// What HAProxy is told when it starts, as a pure function of what the gateway knows. The picture:
//
//     client ──▶ frontend ──hosts.map──▶ backend fairlead_N ──▶ slot s1…sW ──▶ container
//                                        (one per endpoint)     (addresses set at run time)
//
// In front there is one frontend for HTTP and HTTPS. It looks the Host up in hosts.map, which gives the backend, and
// answers by itself for hosts that are in no map (404), for hosts that have to come over HTTPS (308) and for challenges of
// a certificate authority. There is a pool of backends, one for each endpoint and spare ones, each with the same number
// of slots; a slot is a `server` that holds the address of a container or is in maintenance, and then it is free.
//
// A deploy moves no file descriptor and no process: new containers are put into free slots, these become ready, and the
// slots of the old ones drain: what they have under way goes on, kept-alive connections of clients stay, and the next
// request on them goes to a new container. A new endpoint is a line in the maps. Only when backends or slots run out
// HAProxy is reloaded: a new worker takes over the listening sockets and the old one ends what it has.
//
// Everything that is told at run time is also in this text and in the maps beside it, as of now: whoever starts or
// reloads HAProxy from these files, a supervisor after a crash or an operator, gets the routes that are in force.
import { createHash } from 'node:crypto'
import type { HostPort } from '../domain/host-port.ts'
import type { Route } from '../domain/router.ts'
import type { RouterFiles } from './files.ts'

/** How many backends there are, and how many slots each has. */
export interface Size {
  readonly pool: number
  readonly width: number
}

export interface Surroundings {
  readonly files: RouterFiles
  readonly http: HostPort
  readonly https: HostPort | null
  /** Lines of `global` by which the workers give up root, none where the gateway is not root. */
  readonly privileges: readonly string[]
}

/** By which a running HAProxy says which text it was started from. */
export interface Mark extends Size {
  /** Of all in the text but routes and size. */
  readonly frame: string
  /** Tells one text from the next. */
  readonly generation: string
}

export const backendName = (slot: number) => `fairlead_${slot}`
export const slotOf = (backend: string) => {
  const digits = /^fairlead_(\d{1,6})$/.exec(backend)?.[1]
  return digits === undefined ? null : Number(digits)
}

/** Header of a request that a worker hands on to its successor. */
const HANDED = 'x-fairlead-handed'
const MARK = /fairlead pool=(\d+) width=(\d+) frame=([0-9a-f]+) generation=([0-9a-f]+)/

/** @param text a configuration, or what HAProxy says of itself */
export function readMark(text: string): Mark | null {
  const [, pool, width, frame, generation] = MARK.exec(text) ?? []
  if (frame === undefined || generation === undefined) return null
  return { pool: Number(pool), width: Number(width), frame, generation }
}

export function frameOf(surroundings: Surroundings): string {
  const text = textOf(surroundings, { pool: 1, width: 1 }, [], '', '-')
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/**
 * @param routes none has a slot outside of the pool, nor more servers than the width
 * @param key word by which workers know each other
 */
export function configText(
  surroundings: Surroundings,
  size: Size,
  routes: readonly Route[],
  generation: string,
  key: string,
): string {
  const mark = `fairlead pool=${size.pool} width=${size.width} frame=${frameOf(surroundings)} generation=${generation}`
  return textOf(surroundings, size, routes, mark, key)
}

function textOf(
  surroundings: Surroundings,
  size: Size,
  routes: readonly Route[],
  mark: string,
  key: string,
): string {
  const bySlot = new Map(routes.map(route => [route.slot, route]))
  const backends = Array.from({ length: size.pool }, (_, slot) => backend(slot, size.width, bySlot.get(slot)))
  return [
    '# Written by Fairlead at every change of a route: what is edited here is lost.',
    ...globals(surroundings, mark),
    ...DEFAULTS,
    ...frontend(surroundings, key),
    ...backends.flat(),
    '',
  ].join('\n')
}

/**
 * Without `noreuseport` two HAProxies on one port would each get some of the requests, and neither would say a word; over
 * a reload the sockets are handed on. Workers of before a reload end at the latest after `hard-stop-after`. The limit of
 * files is a bound, not a wish: where the process may open fewer, HAProxy takes what it may, and counts from it how many
 * connections it admits.
 */
function globals({ privileges }: Surroundings, mark: string): string[] {
  const lines = [`description "${mark}"`, 'noreuseport', 'fd-hard-limit 65536', 'hard-stop-after 12h']
  const tls = [
    'ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets',
    'ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20',
  ]
  return ['global', ...indent([...lines, ...privileges, ...tls])]
}

/**
 * `leastconn`, since connections of apps are long and uneven (websockets, slow answers): a new container is handed the
 * next ones, where turns would leave the old ones with all that stays. `idle-close-on-response` lets a kept-alive client
 * of an old worker learn with an answer that it has to come back, not by a close that its next request runs into.
 *
 * At the address of a container that died nobody answers, not even with a refusal. Containers are on this machine: one
 * that takes 1 s to accept is gone or has a queue that is full. The second loses nothing by it, since the kernel too asks
 * again after 1 s, and later every time. The next try goes to another container where there is one (`redispatch 1`); else
 * to the same, and after four its caller is told that the app is down. Mostly that is told at the second already: by then
 * the gateway has heard of the death, and has taken the container off its route.
 */
const DEFAULTS = [
  'defaults',
  ...indent([
    'mode http',
    'balance leastconn',
    'timeout connect 1s',
    'timeout client 60s',
    'timeout server 60s',
    'timeout tunnel 1h',
    'timeout http-request 10s',
    'timeout http-keep-alive 60s',
    'timeout queue 10s',
    'retries 3',
    'option redispatch 1',
    'option idle-close-on-response',
    'retry-on conn-failure empty-response',
    ...[
      [400, 'This request cannot be understood.'],
      [408, 'The request did not arrive in time.'],
      [500, 'The gateway could not handle this request.'],
      [502, 'The app gave no proper answer.'],
      [503, 'This app is not running at the moment.'],
      [504, 'The app did not answer in time.'],
    ].map(([status, words]) => `http-error status ${status} content-type text/plain string "${words}\\n"`),
  ]),
]

/**
 * What tells an app where a request came from is set by us, whatever the client sent. Requests that may not be made twice
 * are not made twice: they are tried again only where no byte of them was sent.
 *
 * A worker that ends after a reload knows only the routes of before, and HAProxy lets nobody change them. It takes no new
 * connection, but clients make one more request on those that they kept open: it hands that on to its successor, as one
 * of which all is known already. Nobody else can say that of theirs, since nobody else knows the key.
 */
function frontend({ files, http, https }: Surroundings, key: string): string[] {
  const tls =
    https && `bind ${bindAddress(https)} ssl crt-list ${files.certificateList} strict-sni alpn h2,http/1.1`
  const challenge = `path,field(4,/),map(${files.challenges})`
  return [
    'frontend fairlead',
    ...indent([
      `bind ${bindAddress(http)}`,
      ...(tls === null ? [] : [tls]),
      'acl is_ending stopping',
      'acl is_handed var(txn.handed) -m bool',
      'acl is_tls ssl_fc',
      'acl is_challenge path_beg /.well-known/acme-challenge/',
      `http-request set-var(txn.handed) bool(true) if { req.hdr(${HANDED}) -m str ${key} }`,
      `http-request del-header ${HANDED}`,
      `http-request return status 200 content-type text/plain lf-string "%[${challenge}]" if !is_ending is_challenge { ${challenge} -m found }`,
      'http-request set-var(txn.host) req.hdr(host),host_only,lower',
      `http-request set-var(txn.backend) var(txn.host),map(${files.hosts})`,
      'http-request return status 404 content-type text/plain string "No app answers to this name.\\n" if !is_ending !{ var(txn.backend) -m found }',
      `http-request redirect scheme https code 308 if !is_ending !is_handed !is_tls !is_challenge { var(txn.host),map(${files.secure}) -m found }`,
      'http-request del-header Forwarded',
      'http-request del-header X-Real-IP',
      'http-request set-header X-Forwarded-For %[src] if !is_handed',
      'http-request set-header X-Forwarded-Host %[req.hdr(host)] if !is_handed',
      'http-request set-header X-Forwarded-Port %[dst_port] if !is_handed',
      'http-request set-header X-Forwarded-Proto http if !is_handed !is_tls',
      'http-request set-header X-Forwarded-Proto https if !is_handed is_tls',
      'http-request disable-l7-retry if !{ method GET HEAD OPTIONS PUT DELETE TRACE }',
      'use_backend fairlead_next if is_ending',
      'use_backend %[var(txn.backend)]',
    ]),
    'backend fairlead_next',
    ...indent([`http-request set-header ${HANDED} ${key}`, `server next ${bindAddress(reachable(http))}`]),
  ]
}

/** Where one who listens everywhere is reached from here. */
function reachable({ host, port }: HostPort): HostPort {
  const everywhere = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host]
  return { host: everywhere ?? host, port }
}

function backend(slot: number, width: number, route: Route | undefined): string[] {
  const servers = route?.servers ?? []
  const used = servers.map(({ address, port }, index) => `server s${index + 1} ${address}:${port}`)
  const spare = `server-template s ${servers.length + 1}-${width} 127.0.0.1:1 disabled`
  return [`backend ${backendName(slot)}`, ...indent(servers.length < width ? [...used, spare] : used)]
}

/** HAProxy takes an IPv6 address without brackets: the last colon is the port's. */
function bindAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `ipv6@${host}:${port}` : `${host}:${port}`
}

function indent(lines: readonly string[]): string[] {
  return lines.map(line => `  ${line}`)
}
