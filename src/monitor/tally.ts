// Counts by labels, since the start of the process.
import type { Labels, Sample } from './exposition.ts'

export interface Counter {
  add(labels: Labels): void
  samples(): Sample[]
}

export function counter(): Counter {
  const counts = new Map<string, { labels: Labels; value: number }>()
  return {
    add(labels) {
      const known = counts.get(keyOf(labels))
      if (known) known.value += 1
      else counts.set(keyOf(labels), { labels, value: 1 })
    },
    samples: () => [...counts.values()].map(({ labels, value }) => ({ labels, value })),
  }
}

export interface Histogram {
  observe(labels: Labels, value: number): void
  samples(): Sample[]
}

/** @param bounds ascending; a value counts in every bucket whose bound it does not exceed */
export function histogram(bounds: readonly number[]): Histogram {
  const all = [...bounds, Number.POSITIVE_INFINITY]
  const series = new Map<string, { labels: Labels; buckets: number[]; sum: number }>()
  return {
    observe(labels, value) {
      const key = keyOf(labels)
      const known = series.get(key) ?? { labels, buckets: all.map(() => 0), sum: 0 }
      series.set(key, known)
      known.sum += value
      known.buckets = known.buckets.map((count, i) => (value <= (all[i] ?? 0) ? count + 1 : count))
    },
    samples: () =>
      [...series.values()].flatMap(({ labels, buckets, sum }) => [
        ...buckets.map((value, i) => ({
          suffix: '_bucket',
          labels: { ...labels, le: i === bounds.length ? '+Inf' : String(bounds[i]) },
          value,
        })),
        { suffix: '_sum', labels, value: sum },
        { suffix: '_count', labels, value: buckets.at(-1) ?? 0 },
      ]),
  }
}

const keyOf = (labels: Labels) => JSON.stringify(Object.entries(labels).sort())
