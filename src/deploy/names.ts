// How what we make on an engine is called. The gateway's id is part of every name, so that two gateways can
// share an engine without meeting.
import { type AppName, formatAppName, type Handle } from '../domain/app.ts'

export function networkName(gatewayId: string, environment: Handle): string {
  return `fairlead-${gatewayId}.${environment}`
}

/**
 * `fairlead-3f2a91.my-env.my-app.v3.web.1`, and behind it `.op9` where operation 9 started it for a release that was
 * live already: so the old and the new can stand beside each other.
 */
export function containerName(
  gatewayId: string,
  app: AppName,
  release: number,
  process: string,
  index: number,
  startedBy = 0,
): string {
  const name = `fairlead-${gatewayId}.${app.environment}.${app.app}.v${release}.${process}.${index}`
  return startedBy === 0 ? name : `${name}.op${startedBy}`
}

/** `fairlead-3f2a91/my-env/my-app:op7`: what holds the image that operation 7 made. */
export function releaseTag(gatewayId: string, app: AppName, operation: number): string {
  return `${imageRepository(gatewayId, app)}:op${operation}`
}

/** A generator's image has a tag of the same repository while it runs, outside of every turn. */
export const isReleaseTag = (tag: string): boolean => /:op\d+$/.test(tag)

/** `my-env/my-app` of a tag that `imageRepository` begins. */
export function ownerOfTag(gatewayId: string, tag: string): string {
  return tag.slice(`fairlead-${gatewayId}/`.length, tag.lastIndexOf(':'))
}

/** The repository under which an app's images are kept on the engine. */
export function imageRepository(gatewayId: string, app: AppName): string {
  return `fairlead-${gatewayId}/${formatAppName(app)}`
}
