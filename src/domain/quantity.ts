// Amounts as people write them in settings and stack files: `512MiB`, `30m`.

type Units = ReadonlyMap<string, number>
const SIZES: Units = new Map(['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((unit, i) => [unit, 1024 ** i]))
const DURATIONS: Units = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
])

/** Bytes of a size such as `512MiB` or `1.5GiB`; null when it is none. Units: B, KiB, MiB, GiB, TiB. */
export function parseSize(text: string): number | null {
  const bytes = amount(text, SIZES)
  return bytes === null ? null : Math.floor(bytes)
}

/** `812.5MiB`, as parseSize reads it: in the largest unit of which there is one, with a decimal where that says more. */
export function formatSize(bytes: number): string {
  const [name, unit] = [...SIZES].findLast(([, size]) => bytes >= size) ?? ['B', 1]
  // Rounded down: what is just too little must not look like enough.
  return `${Math.floor((bytes / unit) * 10) / 10}${name}`
}

/** `1536MiB`: in the largest unit of which it is a whole number, so that parseSize reads back the very same. */
export function exactSize(bytes: number): string {
  const [name, unit] = [...SIZES].findLast(([, size]) => bytes % size === 0 && bytes >= size) ?? ['B', 1]
  return `${bytes / unit}${name}`
}

/** Seconds of a duration such as `30m` or `90s`; null when it is none. Units: s, m, h. */
export function parseDuration(text: string): number | null {
  return amount(text, DURATIONS)
}

function amount(text: string, units: Units): number | null {
  const [, digits, name] = /^(\d{1,9}(?:\.\d{1,3})?) ?([A-Za-z]{1,3})$/.exec(text) ?? []
  const unit = units.get(name ?? '')
  return unit === undefined ? null : Number(digits) * unit
}
