// The words that a sealed value is bound to: where it lies, and what decides who gets to see it. A value that was
// moved, and one whose row was turned to another host, do not open.

/** @param parts of one kind, always in the same order; a list in JSON cannot be read as another list */
export function placeOf(gatewayId: string, kind: string, ...parts: (string | number | boolean | null)[]) {
  return JSON.stringify([kind, gatewayId, ...parts])
}
