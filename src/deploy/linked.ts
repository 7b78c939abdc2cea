// A signal that ends with another one, or by itself: for waits that lose their race.

export function linked(signal: AbortSignal): { signal: AbortSignal; end: () => void } {
  const controller = new AbortController()
  return {
    signal: AbortSignal.any([signal, controller.signal]),
    end: () => controller.abort(),
  }
}
