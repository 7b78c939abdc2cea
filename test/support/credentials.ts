// Logins stored at a gateway by its operator, and places with builders of their own to use them in.
import { randomInt } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestGateway } from './gateway.ts'

export interface TestLogin {
  readonly username: string
  readonly password: string
}

/** Stores logins without asking their registries. @param logins by `HOST` or `HOST/PATH` @param to `--app …` or `--environment …` */
export async function importLogins(
  gateway: TestGateway,
  to: string,
  logins: Readonly<Record<string, TestLogin>>,
): Promise<void> {
  const auths = Object.entries(logins).map(([place, { username, password }]) => [
    place,
    { username, password },
  ])
  await say(gateway, `registry:import - ${to}`, JSON.stringify({ auths: Object.fromEntries(auths) }))
}

/** One command over ssh, which has to succeed. @returns what it wrote */
export async function say(gateway: TestGateway, command: string, stdin?: string): Promise<string> {
  const said = await gateway.ssh(command, stdin === undefined ? {} : { stdin })
  if (said.status !== 0) throw new Error(said.all)
  return said.stdout
}

/** What HTTP carries for it. */
export function basicOf({ username, password }: TestLogin): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

/** The environment `my-env` on the gateway's own stack, and `classic`, in which builds are by the classic builder. */
export async function twoBuilders(gateway: TestGateway): Promise<void> {
  const pool = `10.${randomInt(64, 124)}.0.0/16`
  const text = `version: 2\nengine:\n  unix: /var/run/docker.sock\nnetwork:\n  pool: ${pool}\n  size: 28\nsettle: 1s\ngrace: 2s\nbuild:\n  builder: classic\n`
  writeFileSync(join(gateway.stacks, 'classic.yml'), text)
  await say(gateway, 'stacks:reload')
  await say(gateway, 'environment:create classic --stack classic')
  await say(gateway, 'environment:create my-env --stack local')
}

/** In which environment of `twoBuilders` a builder builds. */
export const ENVIRONMENT_OF = { buildkit: 'my-env', classic: 'classic' } as const
export type Builder = keyof typeof ENVIRONMENT_OF
