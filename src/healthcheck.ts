// Exit status 0 if an SSH server answers where the gateway listens: `node src/healthcheck.ts 0.0.0.0:2222`. It asks
// for nothing but the first line, which every SSH server sends unasked, so that it needs no key and no port of its own.
import { connect } from 'node:net'
import { parseHostPort } from './domain/host-port.ts'

const address = parseHostPort(process.argv[2] ?? '')
if (address === null) fail('usage: healthcheck.ts HOST:PORT')

// Listening on every address includes the loopback ones.
const loopback: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
const socket = connect({ host: loopback[address.host] ?? address.host, port: address.port, timeout: 4000 })
let seen = ''
socket
  .setEncoding('latin1')
  .on('data', chunk => {
    seen += chunk
    if (seen.startsWith('SSH-2.0-')) process.exit(0)
    if (seen.length >= 'SSH-2.0-'.length) fail('what answers there is no SSH server')
  })
  .on('end', () => fail('the connection was closed before a greeting'))
  .on('timeout', () => fail('no greeting within 4 seconds'))
  .on('error', error => fail(error.message))

function fail(reason: string): never {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}
