// One figure for all layers that a build downloads.

export class Downloads {
  readonly #layers = new Map<string, { current: number; total: number }>()

  /** A layer has this many of its bytes now. Sizes that are not known yet (0) are left out. */
  note(layer: string, current: number, total: number): void {
    if (total > 0) this.#layers.set(layer, { current, total })
  }

  complete(layer: string): void {
    const known = this.#layers.get(layer)
    if (known !== undefined) known.current = known.total
  }

  /** `Downloading 3 layers: 42% of 17.3 MB`; null while nothing is known. */
  text(): string | null {
    const layers = [...this.#layers.values()]
    const total = layers.reduce((sum, layer) => sum + layer.total, 0)
    if (total === 0) return null
    const current = layers.reduce((sum, layer) => sum + layer.current, 0)
    const count = layers.length === 1 ? '1 layer' : `${layers.length} layers`
    return `Downloading ${count}: ${Math.floor((100 * current) / total)}% of ${(total / 1e6).toFixed(1)} MB`
  }
}
