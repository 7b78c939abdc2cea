import test from 'ava'
import fc from 'fast-check'
import { BadFrame, frameReader } from '../../../../src/engines/docker/frames.ts'

function frame(channel: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(channel, 0)
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

test('wherever the chunks are cut, each channel gets its bytes, in order', t => {
  const anyFrame = fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 }))
  fc.assert(
    fc.property(fc.array(anyFrame), fc.array(fc.integer({ min: 1, max: 12 })), (frames, cuts) => {
      const read = frameReader()
      const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
      let rest: Buffer = Buffer.concat(frames.map(([channel, bytes]) => frame(channel, bytes)))
      for (const cut of [...cuts, rest.length]) {
        for (const { channel, bytes } of read(rest.subarray(0, cut))) got[channel].push(Buffer.from(bytes))
        rest = rest.subarray(cut)
      }
      for (const [number, channel] of [
        [1, 'stdout'],
        [2, 'stderr'],
      ] as const) {
        const sent = Buffer.concat(frames.filter(([of]) => of === number).map(([, bytes]) => bytes))
        t.true(Buffer.concat(got[channel]).equals(sent))
      }
    }),
  )
})

test('what is no frame is refused, and not taken for plain output', t => {
  for (const header of [[0, 0, 0, 0], [3, 0, 0, 0], [1, 0, 1, 0], Buffer.from('hell')]) {
    t.throws(() => frameReader()(Buffer.from([...header, 0, 0, 0, 1, 65])), { instanceOf: BadFrame })
  }
})
