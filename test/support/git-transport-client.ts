// Stands in for `ssh` (GIT_SSH_COMMAND): carries git's conversation over a unix socket to the test that listens.
import { connect } from 'node:net'

const [socketPath = '', ...ssh] = process.argv.slice(2)
const socket = connect(socketPath)
socket.write(`${JSON.stringify({ command: ssh.at(-1), protocol: process.env.GIT_PROTOCOL ?? null })}\n`)
process.stdin.pipe(socket)
process.stdout.on('error', () => process.exit(1))

let held = Buffer.alloc(0)
socket.on('data', chunk => {
  held = Buffer.concat([held, chunk])
  while (held.length >= 5) {
    const [kind, length] = [held.readUInt8(0), held.readUInt32BE(1)]
    if (held.length < 5 + length) return
    const data = Buffer.from(held.subarray(5, 5 + length))
    held = held.subarray(5 + length)
    if (kind === 1) process.stdout.write(data)
    else if (kind === 2) process.stderr.write(data)
    else process.stdout.write('', () => process.exit(data.readUInt8(0)))
  }
})
socket.on('error', () => process.exit(255))
socket.on('close', () => process.exit(255))
