// Turns the engine's lines about single layers into one state of the whole push. Pure.
import { isDigest } from '../../domain/image-reference.ts'
import { byteCount } from './byte-count.ts'

/** A line of the engine: `{"status":"Pushing","id":"3c2c…","progressDetail":{"current":1,"total":9}}`. */
export interface PushLine {
  readonly status?: string
  readonly id?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
  /** The last line but for an error: what the registry now knows the image by. */
  readonly aux?: { readonly Digest?: unknown }
  readonly error?: string
}

interface Layer {
  /** Bytes, uncompressed. */
  current: number
  total: number
  done: boolean
  /** It lay in the registry before. */
  known: boolean
  /** The registry failed, and the engine waits before it tries again. */
  waits: boolean
}

const NEW: Layer = { current: 0, total: 0, done: false, known: false, waits: false }

export interface PushProgress {
  /** Null until the engine has told it. */
  readonly digest: string | null
  /** @returns the state to show, null when it has not changed */
  read(line: PushLine): string | null
  /** What was pushed, for the line that stays: `Pushed 3 layers (4 were there already), 12.1 MB`. */
  summary(): string
}

export function pushProgress(): PushProgress {
  const layers = new Map<string, Layer>()
  let digest: string | null = null
  let shown = ''

  function state(): string {
    const all = [...layers.values()]
    const done = all.filter(layer => layer.done).length
    const total = sum(all, layer => layer.total)
    const percent = total === 0 ? 0 : Math.floor((sum(all, layer => layer.current) / total) * 100)
    const waits = all.some(layer => layer.waits) ? ', the registry failed and is tried again' : ''
    return `Pushing ${done} of ${all.length} layers, ${done === all.length ? 100 : percent}%${waits}`
  }

  return {
    get digest() {
      return digest
    },
    read(line) {
      const told = line.aux?.Digest
      if (typeof told === 'string' && isDigest(told)) digest = told
      if (line.id === undefined || !isLayer(line)) return null
      const layer = layers.get(line.id) ?? { ...NEW }
      layers.set(line.id, layer)
      advance(layer, line)
      const now = state()
      if (now === shown) return null
      shown = now
      return now
    },
    summary() {
      const all = [...layers.values()]
      const known = all.filter(layer => layer.known).length
      const pushed = all.length - known
      if (pushed === 0) return 'Nothing to push: every layer was there already'
      const bytes = sum(all, layer => layer.total)
      return [
        `Pushed ${pushed} ${pushed === 1 ? 'layer' : 'layers'}`,
        known === 0 ? '' : ` (${known} ${known === 1 ? 'was' : 'were'} there already)`,
        bytes === 0 ? '' : `, ${byteCount(bytes)}`,
      ].join('')
    },
  }
}

function advance(layer: Layer, { status = '', progressDetail }: PushLine): void {
  // The engine counts the bytes of the tar it makes, which come to more than it said the layer has.
  if (status === 'Pushing') {
    layer.total = progressDetail?.total ?? layer.total
    layer.current = Math.min(progressDetail?.current ?? layer.current, layer.total)
  }
  layer.waits = RETRYING.test(status)
  if (layer.waits) layer.current = 0
  if (status === 'Layer already exists' || status.startsWith('Mounted from ')) layer.known = true
  if (layer.known || status === 'Pushed') {
    layer.done = true
    layer.current = layer.total
  }
}

const LAYER_STATES = ['Preparing', 'Waiting', 'Pushing', 'Pushed', 'Layer already exists']
const RETRYING = /^Retrying in /

function isLayer({ status = '' }: PushLine): boolean {
  return LAYER_STATES.includes(status) || status.startsWith('Mounted from ') || RETRYING.test(status)
}

function sum(layers: Layer[], value: (layer: Layer) => number): number {
  return layers.reduce((total, layer) => total + value(layer), 0)
}
