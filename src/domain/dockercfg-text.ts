// From the bytes of a dockercfg to the object in it. What cannot be read is described by its place alone: any part of
// such a file may be a password, so nothing of it is repeated, not even as the cause of a Problem.
import { findJsonFault } from './json-fault.ts'
import { Problem } from './problem.ts'

/** Bytes of a file of credentials, characters of its text. */
export const MAX_DOCKERCFG = 1024 * 1024

const WRITE_ANEW =
  'write the file anew with `docker --config DIR login HOST`, where DIR is an empty directory; docker then writes DIR/config.json.'

/** @throws Problem `dockercfg-invalid` unless it is UTF-8 text of at most MAX_DOCKERCFG bytes */
export function decodeDockercfg(bytes: Uint8Array, file: string): string {
  if (bytes.length > MAX_DOCKERCFG) throw tooLarge(file, `${bytes.length} bytes`)
  const notText = (saw: string) =>
    new Problem('dockercfg-invalid', {
      headline: `${file} is not UTF-8 text`,
      saw,
      hint: 'Give the config.json of docker, a .dockercfg, or a docker.tar.gz with one of them, as the program that wrote it left it.',
    })
  if (bytes[0] === 0xff || bytes[0] === 0xfe || bytes.includes(0)) {
    throw notText('It is UTF-16, as some programs for Windows write it, or no text at all.')
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw notText('It holds bytes that are not UTF-8.')
  }
}

/**
 * The object that the text is. A byte order mark is left out.
 * @throws Problem `dockercfg-invalid`
 */
export function parseJsonObject(text: string, file: string): object {
  if (text.length > MAX_DOCKERCFG) throw tooLarge(file, `${text.length} characters`)
  const json = text.startsWith('\ufeff') ? text.slice(1) : text
  const value = parseJson(json, file)
  if (isObject(value)) return value
  throw new Problem('dockercfg-invalid', {
    headline: `${file} is JSON, but not a dockercfg: it holds ${kindOf(value)}, not an object`,
    hint: 'Write {"auths": {"HOST": {"auth": "…"}}}, as docker does in its config.json.',
  })
}

function parseJson(json: string, file: string): unknown {
  if (json.trim() === '') {
    throw new Problem('dockercfg-invalid', {
      headline: `Failed to parse dockercfg: ${file} is empty`,
      hint: `Look whether it is the right file, or ${WRITE_ANEW}`,
    })
  }
  try {
    return JSON.parse(json)
  } catch {
    const fault = findJsonFault(json)
    const place = fault === null ? '' : `, line ${fault.line}, column ${fault.column}`
    throw new Problem('dockercfg-invalid', {
      headline: `Failed to parse dockercfg: ${file}${place}`,
      saw: `${capitalised(fault?.what ?? 'it is not JSON')}. The text is not shown, since it may hold a password.`,
      hint: `Correct the JSON there, or ${WRITE_ANEW}`,
    })
  }
}

/** An object of JSON, so no list and no null. */
export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** For messages: `a list`, `text`. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string') return 'text'
  return typeof value === 'number' ? 'a number' : 'true or false'
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function tooLarge(file: string, size: string): Problem {
  return new Problem('dockercfg-invalid', {
    headline: `${file} is too large for a file of registry credentials`,
    saw: `${size}, and at most ${MAX_DOCKERCFG} are read.`,
    hint: 'Leave only the registries in it that are needed.',
  })
}
