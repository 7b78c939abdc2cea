// How much, for people.

/** `98.2 MB`, in steps of 1,000 as registries count. */
export function byteCount(bytes: number): string {
  return bytes < 100_000 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}
