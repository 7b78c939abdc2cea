// moby.buildkit.v1.StatusResponse: what BuildKit tells of a build while it runs. Only the fields that we show.
import { fieldsOf } from './wire.ts'

/** A step, told again with every change. */
export interface Vertex {
  readonly digest: string
  /** `[build 2/3] RUN make`, `[internal] load build definition from Dockerfile`. */
  readonly name: string
  readonly cached: boolean
  /** Seconds since 1970, null before it happens. */
  readonly started: number | null
  readonly completed: number | null
  /** '' when there is none. */
  readonly error: string
}

/** Work within a step, e.g. one layer that is downloaded. */
export interface VertexStatus {
  /** Mostly the layer's digest. */
  readonly id: string
  /** Digest of the step. */
  readonly vertex: string
  /** `downloading`, `extracting`, `done`. */
  readonly name: string
  /** Bytes. */
  readonly current: number
  readonly total: number
}

/** Output of a step. Bytes, since a character may lie across two messages. */
export interface VertexLog {
  readonly vertex: string
  readonly message: Buffer
}

export interface Status {
  readonly vertices: readonly Vertex[]
  readonly statuses: readonly VertexStatus[]
  readonly logs: readonly VertexLog[]
}

/** @throws RangeError when the message is cut short */
export function decodeStatus(message: Buffer): Status {
  const vertices: Vertex[] = []
  const statuses: VertexStatus[] = []
  const logs: VertexLog[] = []
  for (const { number, value } of fieldsOf(message)) {
    if (typeof value === 'number') continue
    const field = last(value)
    if (number === 1) {
      vertices.push({
        digest: text(field[1]),
        name: text(field[3]),
        cached: field[4] === 1,
        started: time(field[5]),
        completed: time(field[6]),
        error: text(field[7]),
      })
    } else if (number === 2) {
      statuses.push({
        id: text(field[1]),
        vertex: text(field[2]),
        name: text(field[3]),
        current: whole(field[4]),
        total: whole(field[5]),
      })
    } else if (number === 3) {
      logs.push({ vertex: text(field[1]), message: Buffer.isBuffer(field[4]) ? field[4] : Buffer.alloc(0) })
    }
  }
  return { vertices, statuses, logs }
}

type Values = Partial<Record<number, number | Buffer>>

/** By field number; of a repeated field the last, which is how proto3 reads a single one. */
function last(message: Buffer): Values {
  const values: Values = {}
  for (const { number, value } of fieldsOf(message)) values[number] = value
  return values
}

function text(value: number | Buffer | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : ''
}

function whole(value: number | Buffer | undefined): number {
  return typeof value === 'number' ? value : 0
}

/** google.protobuf.Timestamp. */
function time(value: number | Buffer | undefined): number | null {
  if (!Buffer.isBuffer(value)) return null
  const { 1: seconds, 2: nanos } = last(value)
  return whole(seconds) + whole(nanos) / 1e9
}
