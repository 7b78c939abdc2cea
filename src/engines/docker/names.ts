// Names go into the path of a request as they are, so what could leave its segment is refused here. They were
// all parsed long before: one that does not fit is a bug of ours.

const OBJECT = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/
const IMAGE =
  /^[A-Za-z0-9][A-Za-z0-9_.-]*(?::[0-9]+)?(?:\/[A-Za-z0-9][A-Za-z0-9_.-]*)*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/

/** The id or name of a container or a network. */
export function objectName(name: string): string {
  if (!OBJECT.test(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of an engine's object`)
  return name
}

/** A path below the root of a container, in the one spelling it has: without `.`, `..`, `//` and a `/` at its end. */
export function absolutePath(path: string): string {
  const [root, ...segments] = path.split('/')
  const plain = (segment: string) => segment !== '' && segment !== '.' && segment !== '..'
  if (root !== '' || segments.length === 0 || !segments.every(plain) || path.includes('\0')) {
    throw new TypeError(`${JSON.stringify(path)} is not a path in a container`)
  }
  return path
}

/** An id, `repository:tag` or `repository@digest`. */
export function imageName(name: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(name) && !IMAGE.test(name)) {
    throw new TypeError(`${JSON.stringify(name)} is not the name of an image`)
  }
  return name
}

/** Every tag of ours begins so; another is never given nor taken away. */
export function ownPrefix(gatewayId: string): string {
  return `fairlead-${gatewayId}/`
}

/** Splits a `repository:tag` of this gateway. */
export function ownTag(name: string, gatewayId: string): { repository: string; tag: string } {
  if (name.startsWith(ownPrefix(gatewayId))) return splitTag(name)
  throw new TypeError(`${JSON.stringify(name)} is not a tag of this gateway`)
}

/** Splits `repository:tag`; a port of the registry is no tag. */
function splitTag(name: string): { repository: string; tag: string } {
  const match = /^(.+):([^:/@]+)$/.exec(imageName(name))
  if (match?.[1] === undefined || match[2] === undefined)
    throw new TypeError(`${JSON.stringify(name)} has no tag`)
  return { repository: match[1], tag: match[2] }
}
