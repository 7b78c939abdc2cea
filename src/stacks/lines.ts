// Where in a YAML file something stands.
import { type Document, isAlias, isMap, isScalar, LineCounter, type Node, type ParsedNode } from 'yaml'

export interface Lines {
  /** Line of an offset in the text, from 1. */
  lineAt(offset: number): number
  /** Line of the key that the path names; of the nearest key above it where that one is missing. */
  lineOf(path: readonly PropertyKey[]): number
}

export function lines(text: string, document: Document.Parsed): Lines {
  const counter = new LineCounter()
  counter.addNewLine(0)
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) counter.addNewLine(at + 1)
  const lineAt = (offset: number) => Math.max(1, counter.linePos(offset).line)

  return {
    lineAt,
    lineOf(path) {
      let node: Node | ParsedNode | null | undefined = document.contents
      let line = 1
      for (const segment of path) {
        if (isAlias(node)) node = node.resolve(document)
        if (!isMap(node)) break
        const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === segment)
        if (pair === undefined) break
        const range = isScalar(pair.key) ? pair.key.range : null
        if (range) line = lineAt(range[0])
        node = pair.value as Node | null
      }
      return line
    },
  }
}
