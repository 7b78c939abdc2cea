// Whether something listens at an address, tried from the gateway's machine.
import { connect } from 'node:net'

/** Milliseconds for one try. */
const PATIENCE = 1000

/** Never rejects: what does not answer in time, or whose signal is aborted, does not answer. */
export function answers(host: string, port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host, port, signal })
    socket.setTimeout(PATIENCE, () => socket.destroy())
    socket.once('connect', () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
