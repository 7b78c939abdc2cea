// What to do about a registry's refusal: the commands and variables that a hint names. Pure text.
import { explainCommand, loginCommand } from '../domain/registry-advice.ts'
import { imageName, type Question } from './question.ts'

export const OTHER_IMAGE = '`fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or the FROM line of the Dockerfile)'
export const OTHER_HOST =
  'correct the host with `fairlead config:set APTIBLE_DOCKER_IMAGE=…` (or in the FROM line of the Dockerfile)'

/** To whoever has no login there yet; goes on from another word. */
export function storeLogin(host: string): string {
  return `store a login with ${loginCommand(host)}, or set APTIBLE_PRIVATE_REGISTRY_HOST=${host}, APTIBLE_PRIVATE_REGISTRY_USERNAME and APTIBLE_PRIVATE_REGISTRY_PASSWORD with \`fairlead config:set\``
}

/** A hint about access, with the command that shows more of it; as it is where no image was asked for. */
export function withExplain(question: Question, hint: string): string {
  return question.reference === null ? hint : `${hint} ${explainCommand(imageName(question))}`
}
