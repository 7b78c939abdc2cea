// The key pair of an app, for its `dockercfg.encrypted`: age with X25519.
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { Secret } from '../domain/secret.ts'

export interface KeyPair {
  /** The public half, `age1…`. */
  readonly recipient: string
  /** The private half, `AGE-SECRET-KEY-1…`. */
  readonly identity: Secret
}

export async function makeKeyPair(): Promise<KeyPair> {
  const identity = await generateX25519Identity()
  return { recipient: await identityToRecipient(identity), identity: new Secret(identity) }
}
