// Has our KEXINIT sent when the client's has come, where ssh2 sends it after their first line. The client's arrival would
// have nothing to be acknowledged with then: Linux keeps the acknowledgement back for 40 ms, and OpenSSH's client, whose
// socket waits for it before another small packet (Nagle), asks for the keys that much later. Together with our KEXINIT
// the acknowledgement goes at once. Either order is the protocol's (RFC 4253, section 7).
import type { Socket } from 'node:net'

const NEWLINE = 0x0a

/**
 * To be called before ssh2 has the socket, so that what it writes on their first line is held.
 * @param patience milliseconds after which ours goes without theirs: a client may wait for it
 */
export function sendKexInitAfterTheirs(socket: Socket, patience: number): void {
  let timer: NodeJS.Timeout | null = null
  const release = () => {
    if (timer !== null) clearTimeout(timer)
    socket.off('data', look)
    socket.off('close', release)
    socket.uncork()
  }
  const look = (chunk: Buffer) => {
    // What follows their first line is their KEXINIT.
    const line = timer === null ? chunk.indexOf(NEWLINE) : -1
    if (timer !== null || (line !== -1 && line < chunk.length - 1)) release()
    else if (line !== -1) {
      socket.cork()
      timer = setTimeout(release, patience)
    }
  }
  socket.on('data', look)
  socket.on('close', release)
}
