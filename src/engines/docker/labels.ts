// The labels by which what we made is found again on an engine. They hold names and numbers, never values of a config.
import type { ContainerLabels } from '../../domain/container.ts'
import { Problem } from '../../domain/problem.ts'

const GATEWAY = 'fairlead.gateway'
const ENVIRONMENT = 'fairlead.environment'
const APP = 'fairlead.app'
const RELEASE = 'fairlead.release'
const PROCESS = 'fairlead.process'
const INDEX = 'fairlead.index'
const STARTED_BY = 'fairlead.started-by'
const PORT = 'fairlead.port'
const ONE_OFF = 'fairlead.one-off'

type Labels = Readonly<Record<string, string>>

export function gatewayLabels(gatewayId: string): Record<string, string> {
  return { [GATEWAY]: gatewayId }
}

export function networkLabels(gatewayId: string, environment: string): Record<string, string> {
  return { ...gatewayLabels(gatewayId), [ENVIRONMENT]: environment }
}

/** Of a network of ours; empty for one that was not made by `networkLabels`. */
export function networkEnvironment(labels: Labels | null | undefined): string {
  return labels?.[ENVIRONMENT] ?? ''
}

export function containerLabels(gatewayId: string, labels: ContainerLabels): Record<string, string> {
  return {
    ...networkLabels(gatewayId, labels.environment),
    [APP]: labels.app,
    [RELEASE]: String(labels.release),
    [PROCESS]: labels.process,
    [INDEX]: String(labels.index),
    ...(labels.startedBy !== undefined && { [STARTED_BY]: String(labels.startedBy) }),
    ...(labels.port !== undefined && { [PORT]: String(labels.port) }),
    [ONE_OFF]: String(labels.oneOff),
  }
}

/** Null for what carries our gateway's label but was not made by `containerLabels`. */
export function readLabels(labels: Labels): ContainerLabels | null {
  const release = Number(labels[RELEASE])
  const index = Number(labels[INDEX])
  const startedBy = labels[STARTED_BY] === undefined ? undefined : Number(labels[STARTED_BY])
  const { [ENVIRONMENT]: environment, [APP]: app, [PROCESS]: process } = labels
  if (environment === undefined || app === undefined || process === undefined) return null
  if (![release, index, startedBy ?? 0].every(Number.isSafeInteger)) return null
  const port = Number(labels[PORT] ?? Number.NaN)
  const served = Number.isInteger(port) && port > 0 && port < 65_536 ? { port } : {}
  const oneOff = labels[ONE_OFF] === 'true'
  const started = startedBy === undefined ? {} : { startedBy }
  return { environment, app, release, process, index, ...started, ...served, oneOff }
}

/** `web.1`, for messages. */
export function shortName(labels: Labels): string {
  return `${labels[PROCESS]}.${labels[INDEX]}`
}

/** In the form of the engine's `filters`. */
export function labelFilter(gatewayId: string, filter: { environment?: string; app?: string }): string[] {
  return [
    `${GATEWAY}=${gatewayId}`,
    ...(filter.environment === undefined ? [] : [`${ENVIRONMENT}=${filter.environment}`]),
    ...(filter.app === undefined ? [] : [`${APP}=${filter.app}`]),
  ]
}

export function isOurs(labels: Labels | null | undefined, gatewayId: string): boolean {
  return labels?.[GATEWAY] === gatewayId
}

/** For what we were asked to touch although another made it. */
export function notOurs(what: string, stack: string): Problem {
  return new Problem('engine-failed', {
    headline: `${what} on the Docker engine of stack ${stack} was not made by this gateway, which leaves it alone`,
    hint: 'Ask the operator to rename or remove it, then try again.',
  })
}
