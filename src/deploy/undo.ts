// What is acquired registers its undo at once. When the work fails, the undos run last first; when it succeeds
// they are forgotten. An undo that fails itself is reported and does not stop the others.

export type RegisterUndo = (what: string, undo: () => Promise<void>) => void

export async function withUndo<T>(
  work: (register: RegisterUndo) => Promise<T>,
  undoFailed: (what: string, error: unknown) => void,
): Promise<T> {
  const undos: { what: string; undo: () => Promise<void> }[] = []
  try {
    return await work((what, undo) => undos.push({ what, undo }))
  } catch (error) {
    for (const { what, undo } of undos.reverse()) {
      await undo().catch(failure => undoFailed(what, failure))
    }
    throw error
  }
}
