// One credential, always bound to one host, and how an app's variables spell it.
import { DOCKER_HUB, formatImageReference, type ImageReference, normaliseHost } from './image-reference.ts'
import { Problem } from './problem.ts'
import { Secret } from './secret.ts'

/** One credential, bound to one host. */
export interface RegistryAuth {
  /** Normalised as in ImageReference. */
  readonly host: string
  /** The repositories it is for, this one and all below it by whole segments: `acme`; '' for all of the host. */
  readonly path: string
  /** An identity token is traded for access at the registry's login service, and sent nowhere else. */
  readonly kind: 'password' | 'identity-token'
  /** `<token>` for an identity token. */
  readonly username: string
  readonly password: Secret
  /** Where it came from, for messages: `APTIBLE_PRIVATE_REGISTRY_*`. */
  readonly source: string
}

/** What stands for the name of a user in front of an identity token. */
export const TOKEN_USER = '<token>'

/** What must not be shown of it: the password, and the login as HTTP carries it. */
export function secretsOf(auth: RegistryAuth): Secret[] {
  return [auth.password, new Secret(`${auth.username}:${auth.password.reveal()}`)]
}

const PREFIX = 'APTIBLE_PRIVATE_REGISTRY_'
/** Source of the credential in an app's own variables. */
export const APP_CREDENTIAL = `${PREFIX}*`
const HOST = `${PREFIX}HOST`
const USERNAME = `${PREFIX}USERNAME`
const PASSWORD = `${PREFIX}PASSWORD`
const IMAGE = 'APTIBLE_DOCKER_IMAGE'

/**
 * The credential that an app's variables hold, null when they hold none. An empty value counts as unset; HOST
 * defaults to docker.io; EMAIL is accepted and not used, since no registry asks for it any more.
 * @throws Problem `config-invalid` for a username without password or the reverse, or a HOST that is none
 */
export function appRegistryAuth(config: ReadonlyMap<string, Secret>): RegistryAuth | null {
  const value = (name: string) => config.get(name)?.reveal() ?? ''
  const username = value(USERNAME)
  const password = config.get(PASSWORD)
  const hasPassword = value(PASSWORD) !== ''
  if (username === '' && !hasPassword) return null
  if (username === '' || password === undefined || !hasPassword) {
    const [there, missing] = username === '' ? [PASSWORD, USERNAME] : [USERNAME, PASSWORD]
    throw new Problem('config-invalid', {
      headline: `${there} is set, but ${missing} is not`,
      hint: `Set the other one with \`fairlead config:set ${missing}=…\`, or remove this one with \`fairlead config:unset ${there}\`.`,
    })
  }
  if (/[:\x00-\x1f\x7f]/.test(username)) {
    throw new Problem('config-invalid', {
      headline: `${USERNAME} holds a ':' or a control character, which no registry login can carry`,
      hint: `Set the username alone with \`fairlead config:set ${USERNAME}=…\` and the password with \`${PASSWORD}=…\`.`,
    })
  }
  return {
    host: registryHost(value(HOST)),
    path: '',
    kind: username === TOKEN_USER ? 'identity-token' : 'password',
    username,
    password,
    source: APP_CREDENTIAL,
  }
}

/** Whether the app says itself which host its credential is for. */
export function registryHostIsSet(config: ReadonlyMap<string, Secret>): boolean {
  return (config.get(HOST)?.reveal() ?? '') !== ''
}

function registryHost(text: string): string {
  if (text === '') return DOCKER_HUB
  const host = normaliseHost(text)
  if (host !== null) return host
  // A value like https://user:password@host could hold the password, so it is not repeated.
  throw new Problem('config-invalid', {
    headline: `The value of ${HOST} is not a registry host`,
    hint: `Set the host as it stands in image names, without user or spaces, for example \`fairlead config:set ${HOST}=quay.io\`.`,
  })
}

/**
 * Refuses a credential that is not for the image's registry, before anything is sent anywhere.
 *
 * An image name without a host is at docker.io, as everywhere in Docker: HOST is not put in front of it. So
 * HOST=quay.io with APTIBLE_DOCKER_IMAGE=acme/shop is refused. To guess quay.io/acme/shop would make the meaning
 * of a name depend on another variable, and to take docker.io/acme/shop could run a stranger's image of that name.
 * @param hostWasSet whether the app set HOST itself (`registryHostIsSet`)
 * @throws Problem `registry-host-unset`, `registry-host-mismatch`
 */
export function assertHostMatches(
  reference: ImageReference,
  auth: RegistryAuth | null,
  hostWasSet: boolean,
): void {
  if (auth === null || auth.host === reference.host) return
  const image = formatImageReference(reference)
  if (!hostWasSet) {
    throw new Problem('registry-host-unset', {
      headline: `The image ${image} is at ${reference.host}, but ${HOST} is not set`,
      saw: `Without ${HOST} the username ${auth.username} and its password are for ${auth.host}. They were sent nowhere.`,
      hint: `If they are for ${reference.host}, run \`fairlead config:set ${HOST}=${reference.host}\`. If the image is public, run \`fairlead config:unset ${USERNAME} ${PASSWORD}\`.`,
    })
  }
  const moved = { ...reference, host: auth.host, repository: reference.repository.replace(/^library\//, '') }
  const rename = `\`fairlead config:set ${IMAGE}=${formatImageReference(moved)}\``
  throw new Problem('registry-host-mismatch', {
    headline: `The image ${image} is at ${reference.host}, but ${HOST} is ${auth.host}`,
    saw: `The username ${auth.username} and its password are for ${auth.host} only. They were sent nowhere.`,
    hint:
      reference.host === DOCKER_HUB
        ? `An image name without a host is at docker.io. If the image is at ${auth.host}, run ${rename}. If it is at Docker Hub, run \`fairlead config:set ${HOST}=docker.io\`.`
        : `If the credentials are for ${reference.host}, run \`fairlead config:set ${HOST}=${reference.host}\`. If the image is at ${auth.host}, run ${rename}.`,
  })
}
