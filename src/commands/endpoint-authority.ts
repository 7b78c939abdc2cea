// The gateway's own authority, for people to trust: what `--tls internal` is signed by.
import type { Command } from './command.ts'

export const endpointAuthorityCommands: readonly Command[] = [
  {
    name: 'endpoints:ca',
    summary: "Print the certificate of the gateway's own authority, which signs for --tls internal",
    scope: 'gateway',
    action: 'self:manage',
    recorded: 'never',
    async run({ gateway, output }) {
      output.raw(await gateway.certificateAuthority())
    },
  },
]
