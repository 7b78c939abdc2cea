// An address to listen on or connect to, as people write it: `127.0.0.1:2222`, `engine.example.com:2376`, `[::1]:22`.

export interface HostPort {
  /** Name or address, an IPv6 address without its brackets. */
  readonly host: string
  /** 0 to 65535. */
  readonly port: number
}

const NAME = /^(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*$/

/** A DNS name or an IPv4 address. */
export function isHostName(text: string): boolean {
  return text.length <= 253 && NAME.test(text)
}

/** An IPv6 address without brackets and zone. */
export function isIPv6(text: string): boolean {
  return /^[0-9a-fA-F:.]{2,45}$/.test(text) && URL.canParse(`ssh://[${text}]`)
}

/** @returns null for anything else; the port is never left out */
export function parseHostPort(text: string): HostPort | null {
  const [, bracketed, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? []
  const fits = bracketed === undefined ? isHostName(name ?? '') : isIPv6(bracketed)
  return fits && Number(port) <= 65535 ? { host: bracketed ?? (name as string), port: Number(port) } : null
}
