// Subnets out of an IPv4 pool, lowest first. Ranges are pairs of numbers, first and last address; nothing is listed
// beforehand, so a large pool costs no more than a small one.

interface Range {
  readonly first: number
  readonly last: number
}

/** `pool` in CIDR; `size` is the prefix length of one subnet, from the pool's own to 30. */
export interface Pool {
  readonly pool: string
  readonly size: number
}

/** Every subnet of the pool in CIDR, e.g. `10.210.0.64/26`. */
export function subnets(pool: Pool): Iterable<string> {
  return freeSubnets(pool, [])
}

/**
 * The subnets of the pool that overlap none of `taken`.
 * @param taken in CIDR, of any size. IPv6 ranges overlap nothing here.
 */
export function* freeSubnets({ pool, size }: Pool, taken: Iterable<string>): Generator<string> {
  const { first, last } = parseRange(pool)
  const length = 2 ** (32 - size)
  const ranges = [...taken].filter(range => !range.includes(':')).map(parseRange)
  let start = first
  while (start + length - 1 <= last) {
    const hit = ranges.find(range => range.first <= start + length - 1 && start <= range.last)
    if (hit === undefined) {
      yield `${formatAddress(start)}/${size}`
      start += length
    } else {
      // On to the first boundary behind what is in the way, however large that is.
      start += Math.ceil((hit.last + 1 - start) / length) * length
    }
  }
}

/**
 * Why the text is not an IPv4 network such as `10.210.0.0/16`, null when it is one.
 * @returns a phrase that follows the text in a message
 */
export function poolFault(text: string): string | null {
  const match = CIDR.exec(text)
  if (match === null || !match.slice(1, 5).every(part => Number(part) <= 255) || Number(match[5]) > 32) {
    return 'is not an IPv4 network, for example 10.210.0.0/16'
  }
  const { first } = parseRange(text)
  const network = `${formatAddress(first)}/${match[5]}`
  return network === text ? null : `is an address inside a network: write ${network}`
}

const CIDR = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\/(0|[1-9]\d?)$/

function parseRange(cidr: string): Range {
  const match = CIDR.exec(cidr)
  if (match === null) throw new Error(`${JSON.stringify(cidr)} is not an IPv4 range`)
  const address = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0)
  const length = 2 ** (32 - Number(match[5]))
  const first = address - (address % length)
  return { first, last: first + length - 1 }
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => Math.floor(address / 2 ** shift) % 256).join('.')
}
