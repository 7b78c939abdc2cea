// Variables as the text that is sealed. Pairs, not an object: a variable may be called `__proto__`.
import type { Config } from '../domain/config.ts'
import { Secret } from '../domain/secret.ts'

export function writeConfig(values: Config): string {
  return JSON.stringify([...values].map(([name, secret]) => [name, secret.reveal()]))
}

export function readConfig(text: string): Map<string, Secret> {
  const pairs: [string, string][] = JSON.parse(text)
  return new Map(pairs.map(([name, value]) => [name, new Secret(value)]))
}
