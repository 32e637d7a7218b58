/** What made a layer (image-spec, config.md: `history`). */
export interface HistoryEntry {
  /** RFC 3339. */
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  /** True for a step that made no layer. */
  empty_layer?: boolean;
}

/** Of a layer of store paths, with the comment dockerTools writes: people and tools look store paths up by it. */
export function storeLayerHistory(paths: readonly string[], created: string): HistoryEntry {
  return { created, created_by: 'nixpush', comment: storePathsComment(paths) };
}

/** What dockerTools writes of a layer, whatever it is made of. */
export function storePathsComment(paths: readonly string[]): string {
  return `store paths: ${pythonList(paths)}`;
}

/** Of the layer that links the programs of `roots` at `/`, or has files of its own there. */
export function rootLayerHistory(roots: readonly string[], created: string): HistoryEntry {
  if (roots.length === 0) return { created, created_by: 'nixpush', comment: 'files at /' };
  return { created, created_by: 'nixpush', comment: `links at / to store paths: ${pythonList(roots)}` };
}

/** As Python prints a list of strings. Store paths hold no quotes, backslashes or control characters. */
function pythonList(paths: readonly string[]): string {
  return `[${paths.map((path) => `'${path}'`).join(', ')}]`;
}
