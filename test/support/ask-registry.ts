// Asks a registry through the real client, with a login of a robot unless told otherwise.
import type { ExecutionContext } from 'ava'
import { parseImageReference } from '../../src/domain/image-reference.ts'
import { type RegistryAuth, TOKEN_USER } from '../../src/domain/registry-auth.ts'
import { Secret } from '../../src/domain/secret.ts'
import { type RegistryClientOptions, type ResolvedImage, registryClient } from '../../src/registry/client.ts'
import type { TestCertificate } from './certificate.ts'
import { type FakeAnswer, type FakeRegistry, type FakeRequest, startFakeRegistry } from './fake-registry.ts'

export const AMD64 = { os: 'linux', architecture: 'amd64' }

/** A password of user `robot`. */
export function passwordFor(host: string, password = 'hunter2', source = 'test'): RegistryAuth {
  return { host, path: '', kind: 'password', username: 'robot', password: new Secret(password), source }
}

export function identityTokenFor(host: string, token = 'identity-7', source = 'test'): RegistryAuth {
  const password = new Secret(token)
  return { host, path: '', kind: 'identity-token', username: TOKEN_USER, password, source }
}

export function askFor(
  image: string,
  auth: RegistryAuth | null,
  options: RegistryClientOptions = {},
): Promise<ResolvedImage> {
  const { signal } = new AbortController()
  return registryClient(options).resolve(parseImageReference(image), auth, AMD64, signal)
}

export function checkLogin(auth: RegistryAuth, options: RegistryClientOptions = {}): Promise<void> {
  return registryClient(options).checkLogin(auth, new AbortController().signal)
}

/** Stops with the test. */
export async function fakeRegistry(
  t: ExecutionContext,
  script: (request: FakeRequest) => FakeAnswer,
  certificate?: TestCertificate,
): Promise<FakeRegistry> {
  const server = await startFakeRegistry(script, certificate)
  t.teardown(() => server.stop())
  return server
}

/** What a registry says that wants a token of the given login service. */
export function bearerChallenge(realm: string, more = ''): FakeAnswer {
  return {
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${realm}",service="reg"${more}` },
  }
}

export const BASIC_CHALLENGE: FakeAnswer = {
  status: 401,
  headers: { 'www-authenticate': 'Basic realm="fake"' },
}
