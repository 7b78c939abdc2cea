// Why a generator gave no credentials, one sentence for each way to fail.
import type { Generator } from '../domain/generator.ts'
import { Problem } from '../domain/problem.ts'

/** Of its output, in a Problem. */
const LINES = 20
const CONTRACT =
  'A generator writes a dockercfg to the path that is its only argument, and ends with exit code 0.'

/** Stand in the place of a log. */
export const HELD_BACK = '(its log is not shown: there is too much that would have to be hidden in it)'
export const TOO_LONG = '(its last line is too long to be shown)'

type Named = Pick<Generator, 'name' | 'image' | 'timeout'>

export function wroteNothing({ name }: Named, path: string, isThere: boolean, output: readonly string[]) {
  const seen = isThere ? 'what it wrote is empty' : `there is no file at ${path}`
  return failed(`Generator ${name} wrote no credentials: it ended with exit code 0, but ${seen}`, {
    saw: last(output),
    hint: `${CONTRACT} See that the image does so, and that nothing it needs is missing in its --env-file.`,
  })
}

/** @param limit bytes */
export function tooLarge({ name }: Named, limit: number) {
  return failed(`Generator ${name} wrote a file of more than ${limit} bytes, which is not read`, {
    hint: 'See that the image writes a dockercfg, and nothing else, to its path.',
  })
}

/** @param cause names the generator and the place in its file, and nothing that stands there but hosts */
export function unreadable(cause: Problem) {
  const { headline, saw } = cause
  return failed(`${headline.charAt(0).toUpperCase()}${headline.slice(1)}`, {
    ...(saw !== undefined && { saw }),
    hint: 'See that the image writes the JSON of a config.json or a .dockercfg, with the logins in it, to its path.',
    cause,
  })
}

export function gaveUp({ name, image, timeout }: Named, output: readonly string[]) {
  return failed(`Generator ${name} was given up after ${timeout} s: it had not ended by itself`, {
    saw: last(output),
    hint: `See what it waits for: a network that the stack cannot reach, or a question. If it is only slow, allow it more: ${setAgain(name, image, ' --timeout TIME')}`,
  })
}

export function exited({ name, image }: Named, exitCode: number, output: readonly string[]) {
  return failed(`Generator ${name} failed with exit code ${exitCode}`, {
    saw: last(output),
    hint: `Mend what its output names. If it lacks a variable, ${setAgain(name, image)}`,
  })
}

export function notStarted({ name }: Named, cause: Problem) {
  return failed(`Generator ${name} could not be started`, {
    ...(cause.saw !== undefined && { saw: cause.saw }),
    hint: 'See that the ENTRYPOINT and the USER of its image are there.',
    cause,
  })
}

export function noEntrypoint({ name, image }: Named, path: string) {
  return failed(`Generator ${name} cannot be run: its image ${image} has no ENTRYPOINT`, {
    saw: `The path ${path} would be run as a program.`,
    hint: `${CONTRACT} Give the image an ENTRYPOINT that does so.`,
  })
}

/** Where the hints of registries send whoever runs the image as an app. */
const OF_APP =
  /`fairlead config:set APTIBLE_DOCKER_IMAGE=[^`]*` \(or (?:in )?the FROM line of the Dockerfile\)/

/** What the registry said stays as it is, but for what the image is for and where its name is corrected. */
export function ofItsImage({ name, image }: Named, cause: Problem): Problem {
  if (cause.code.startsWith('engine-')) return cause
  const here = `\`${command(name, 'IMAGE')}\` (with all of its other options)`
  const hint = cause.hint.replace(OF_APP, () => here)
  return new Problem(cause.code, {
    headline: `The image ${image} of generator ${name} cannot be had: ${cause.headline}`,
    ...(cause.saw !== undefined && { saw: cause.saw }),
    hint: hint === cause.hint ? `${hint} If it is another image, ${setAgain(name, 'IMAGE')}` : hint,
    cause,
  })
}

function failed(headline: string, fields: { saw?: string; hint: string; cause?: Problem }): Problem {
  return new Problem('generator-failed', { headline, ...fields })
}

/** Nothing of what was set before stays, so that it takes all of the options. */
function setAgain(name: string, image: string, more = ''): string {
  return `set it again with all of its options: \`${command(name, image)}${more}\`.`
}

function command(name: string, image: string): string {
  return `fairlead registry:generator ${name} --image ${image} --env-file FILE`
}

function last(output: readonly string[]): string {
  return output.length === 0
    ? 'It printed nothing.'
    : ['Its last output:', ...output.slice(-LINES)].join('\n')
}
