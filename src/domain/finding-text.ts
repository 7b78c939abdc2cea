// What people read of a Finding: whom it is about, what differs, and the cure.
import { formatAppName } from './app.ts'
import type { Container } from './container.ts'
import { appOf, type Finding } from './finding.ts'
import { formatSize } from './quantity.ts'
import { containerLabel } from './rollout.ts'

export interface FindingText {
  /** `my-env/my-app`, `stack local`, `gateway`. */
  readonly about: string
  /** A sentence without its full stop. */
  readonly found: string
  /** What to do, or what `--fix` does, without the full stop. */
  readonly cure: string
}

export function describeFinding(finding: Finding): FindingText {
  return { about: aboutOf(finding), ...wordsOf(finding) }
}

function aboutOf(finding: Finding): string {
  const app = appOf(finding)
  if (app !== null) return formatAppName(app.name)
  if ('stack' in finding) return `stack ${finding.stack}`
  if (finding.kind === 'router-silent' || finding.kind === 'route-extra') return 'router'
  return finding.kind === 'repository-left' ? formatAppName(finding.name) : 'gateway'
}

function wordsOf(finding: Finding): Pick<FindingText, 'found' | 'cure'> {
  switch (finding.kind) {
    case 'stack-unusable':
      return {
        found: `the stack cannot be used: ${firstLine(finding.saw)}`,
        cure: 'mend its file; `fairlead stacks:check` says more',
      }
    case 'engine-silent':
      return {
        found: `the engine does not answer: ${firstLine(finding.saw)}`,
        cure: 'start it, or mend the way to it; what was left undone is done by itself then',
      }
    case 'engine-disk-low':
      return {
        found: `${formatSize(finding.free)} are free in ${finding.directory}; builds are refused below ${formatSize(finding.floor)}`,
        cure: 'free space on the engine (`docker system df`), bound what builds leave there (build.cache in the stack file), or lower build.floor',
      }
    case 'disk-low':
      return {
        found: `only ${formatSize(finding.free)} are free in ${finding.directory}`,
        cure: 'free space there: without it pushes are refused and nothing can be recorded',
      }
    case 'operation-lost':
      return {
        found: `operation #${finding.operation.number} (${finding.operation.kind} by ${finding.operation.actor}) is recorded as ${finding.operation.state}, but nobody is at work on it`,
        cure: '--fix ends it in the record',
      }
    case 'container-missing':
      return {
        found: `${finding.process}.${finding.index} of v${finding.release} is not on the engine`,
        cure: '--fix starts it, as `fairlead restart` does',
      }
    case 'container-stopped':
      return {
        found: `${labelOf(finding.container)} does not run: ${finding.container.status}`,
        cure: '--fix starts it',
      }
    case 'container-not-kept':
      return {
        found: `${labelOf(finding.container)} would not be started again by the engine`,
        cure: '--fix has the engine keep it running',
      }
    case 'container-left':
      return {
        found:
          finding.app === null
            ? `the container ${finding.container.name} is of no app`
            : `${labelOf(finding.container)} serves nothing (${finding.container.name})`,
        cure: '--fix stops and removes it',
      }
    case 'image-gone':
      return {
        found: `the image of v${finding.release}, which is live, is not on the engine (${finding.tag})`,
        cure:
          finding.source === 'Dockerfile'
            ? 'build it again: `fairlead rebuild`'
            : 'pull it again: `fairlead rebuild`',
      }
    case 'image-left':
      return {
        found:
          finding.app === null
            ? `the image ${finding.tag} is of no app`
            : `the image ${finding.tag} is not among those that are kept`,
        cure: '--fix removes it',
      }
    case 'name-left':
      return {
        found: `an image may still bear the name ${finding.name} on the engine`,
        cure: '--fix takes the name away',
      }
    case 'network-left':
      return {
        found: `the network ${finding.name} is of no environment with apps`,
        cure: '--fix removes it',
      }
    case 'network-differs':
      return {
        found: `the network ${finding.name} is ${subnetOr(finding.seen, 'not on the engine')}, and by the record ${subnetOr(finding.recorded, 'there is none')}`,
        cure:
          finding.seen === null
            ? '--fix makes it; `fairlead restart` moves the containers to it'
            : '--fix records what there is',
      }
    case 'router-silent':
      return {
        found: `the router does not answer: ${firstLine(finding.saw)}`,
        cure: '--fix starts it, where the gateway is who starts it',
      }
    case 'route-missing':
      return { found: `the router does not know ${finding.hostname}`, cure: '--fix tells it' }
    case 'route-differs':
      return {
        found: `the router sends ${finding.hostname} to ${finding.found || 'nobody'}, not to ${finding.wanted || 'nobody'} as it ought to`,
        cure: '--fix tells it',
      }
    case 'route-extra':
      return {
        found: `the router answers for ${finding.hostname}, which is no endpoint`,
        cure: '--fix takes it away',
      }
    case 'certificate-missing':
      return {
        found: `${finding.endpoint.hostname} has no certificate`,
        cure:
          finding.endpoint.tls === 'file'
            ? `give it again: \`fairlead endpoints:modify ${finding.endpoint.hostname} --tls FILE\``
            : '--fix asks for one; `fairlead endpoints` says why there was none',
      }
    case 'certificate-ends':
      return {
        found: `the certificate of ${finding.endpoint.hostname} ends on ${finding.notAfter.slice(0, 10)}`,
        cure:
          finding.endpoint.tls === 'file'
            ? `give a new one: \`fairlead endpoints:modify ${finding.endpoint.hostname} --tls FILE\``
            : '--fix asks for another; `fairlead endpoints` says why it was not renewed',
      }
    case 'repository-missing':
      return {
        found: 'the app has no repository',
        cure: '--fix makes an empty one; push again what it held, or restore it from a backup',
      }
    case 'repository-left':
      return {
        found: 'there is a repository and no such app',
        cure: finding.empty
          ? '--fix removes it: nothing was ever pushed to it'
          : 'create the app again to have it back, or remove its directory by hand',
      }
  }
}

const labelOf = (container: Container) => `${containerLabel(container)} of v${container.labels.release}`
const firstLine = (text: string) => text.split('\n', 1)[0] ?? ''
const subnetOr = (subnet: string | null, none: string) => (subnet === null ? none : `at ${subnet}`)
