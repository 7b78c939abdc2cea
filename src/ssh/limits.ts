// How much one visitor may take of the front door. ssh2 has none of these limits by itself.

export interface FrontDoorLimits {
  /** Seconds from the first byte on the wire to a verified signature. */
  readonly loginGrace: number
  /** Milliseconds for which our half of the first key exchange waits for theirs: longer than most round trips. */
  readonly kexInitWait: number
  /** Keys that one connection may try. A probe and the signature that follows it are one try. */
  readonly authTries: number
  /** Channels open at once on one connection. */
  readonly channels: number
  /** Connections in all. */
  readonly connections: number
  /** Connections of one address: an IPv4 address, or the /64 of an IPv6 one. */
  readonly connectionsPerAddress: number
  /** Connections that have not logged in yet, in all and of one address. */
  readonly pending: number
  readonly pendingPerAddress: number
  /**
   * Bytes a client may leave unread. Output of commands waits for the socket long before; what is left are answers to
   * requests, which ssh2 writes without looking.
   */
  readonly unread: number
  /** Seconds of silence after which the client is asked whether it lives. */
  readonly keepaliveInterval: number
  /** Questions that may stay unanswered before the connection is cut. */
  readonly keepaliveCount: number
}

/** Generous enough for 200 clients of one address that connect in the same moment. */
export const DEFAULT_LIMITS: FrontDoorLimits = {
  loginGrace: 20,
  kexInitWait: 200,
  authTries: 6,
  channels: 10,
  connections: 1024,
  connectionsPerAddress: 256,
  pending: 512,
  pendingPerAddress: 256,
  unread: 8 * 1024 * 1024,
  keepaliveInterval: 15,
  keepaliveCount: 3,
}
