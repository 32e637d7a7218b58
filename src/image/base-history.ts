import type { HistoryEntry } from './history.ts';

/**
 * The history that an image takes over from its base: verbatim, entries of empty layers included. Where it does not
 * fit the base's `layers` there is one entry for each of them, since readers count them off against the layers.
 */
export function baseHistory(entries: readonly HistoryEntry[], layers: number): HistoryEntry[] {
  const fits = entries.filter(({ empty_layer: empty }) => empty !== true).length === layers;
  if (fits) return entries.map(wellTyped);
  return Array.from({ length: layers }, () => ({ comment: 'layer of the base image' }));
}

/** Only what image-spec knows, of the type it should have. */
function wellTyped(entry: HistoryEntry): HistoryEntry {
  const texts = ['created', 'author', 'created_by', 'comment'] as const;
  return {
    ...Object.fromEntries(
      texts.flatMap((key) => (typeof entry[key] === 'string' ? [[key, entry[key]]] : [])),
    ),
    ...(entry.empty_layer === true && { empty_layer: true }),
  };
}
