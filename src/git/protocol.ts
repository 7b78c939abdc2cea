// The wire protocol version that a client asks for: the one variable of its environment that git gets to see.

/** @param protocol the client's GIT_PROTOCOL; anything but a plain list of `version=N` and the like is left out */
export function protocolEnvironment(protocol: string | null): Record<string, string> {
  return protocol !== null && /^[a-z0-9=:.-]{1,128}$/.test(protocol) ? { GIT_PROTOCOL: protocol } : {}
}
