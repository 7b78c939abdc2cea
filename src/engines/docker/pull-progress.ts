// Turns the engine's lines about single layers into one state of the whole pull. Pure.
import { byteCount } from './byte-count.ts'

/** A line of the engine: `{"status":"Downloading","id":"3c2c…","progressDetail":{"current":1,"total":9}}`. */
export interface PullLine {
  readonly status?: string
  readonly id?: string
  readonly progressDetail?: { readonly current?: number; readonly total?: number }
  readonly error?: string
}

interface Layer {
  current: number
  total: number
  downloaded: boolean
  done: boolean
  /** It lay on the engine before. */
  known: boolean
}

export interface PullProgress {
  /** @returns the state to show, null when it has not changed */
  read(line: PullLine): string | null
  /** What was pulled, for the line that stays: `Pulled 7 layers (3 known), 98.2 MB`. */
  summary(): string
}

export function pullProgress(): PullProgress {
  const layers = new Map<string, Layer>()
  let shown = ''

  function state(): string {
    const all = [...layers.values()]
    const fetched = all.filter(layer => layer.downloaded).length
    if (fetched === all.length) {
      return `Unpacking ${all.filter(layer => layer.done).length} of ${all.length} layers`
    }
    const total = sum(all, layer => layer.total)
    const percent = total === 0 ? 0 : Math.floor((sum(all, layer => layer.current) / total) * 100)
    return `Downloading ${fetched} of ${all.length} layers, ${percent}%`
  }

  return {
    read(line) {
      if (line.id === undefined || !isLayer(line)) return null
      const layer = layers.get(line.id) ?? {
        current: 0,
        total: 0,
        downloaded: false,
        done: false,
        known: false,
      }
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
      const bytes = sum(all, layer => layer.total)
      if (known === all.length) return 'Nothing to pull: every layer is on the engine'
      return [
        `Pulled ${all.length} ${all.length === 1 ? 'layer' : 'layers'}`,
        known === 0 ? '' : ` (${known} known)`,
        bytes === 0 ? '' : `, ${byteCount(bytes)}`,
      ].join('')
    },
  }
}

function advance(layer: Layer, { status, progressDetail }: PullLine): void {
  if (status === 'Downloading') {
    layer.current = progressDetail?.current ?? layer.current
    layer.total = progressDetail?.total ?? layer.total
  }
  if (status === 'Already exists') layer.known = true
  if (status === 'Already exists' || status === 'Pull complete') layer.done = true
  if (layer.done || status === 'Download complete' || status === 'Extracting') {
    layer.downloaded = true
    layer.current = layer.total
  }
}

const LAYER_STATES = [
  'Pulling fs layer',
  'Waiting',
  'Downloading',
  'Verifying Checksum',
  'Download complete',
  'Extracting',
  'Pull complete',
  'Already exists',
]

function isLayer(line: PullLine): boolean {
  return LAYER_STATES.includes(line.status ?? '')
}

function sum(layers: Layer[], value: (layer: Layer) => number): number {
  return layers.reduce((total, layer) => total + value(layer), 0)
}
