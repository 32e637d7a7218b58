import type { PushSystemsResult } from '../../verbs/push-systems.ts';
import { destinationDocument, planTable, pushDocument } from './push-report.ts';

/** The JSON document of `push --system` (docs/cli.md). */
export function pushSystemsDocument({ manifest, images, destinations }: PushSystemsResult): object {
  return {
    manifest,
    images: images.map(({ system, ...image }) => {
      return { system, ...pushDocument({ ...image, destinations: [] }), destinations: undefined };
    }),
    destinations: destinations.map(destinationDocument),
  };
}

/** What `--dry-run` prints: a table for each system. */
export function systemPlanTables({ images, destinations }: PushSystemsResult): string {
  return images
    .map(({ system, ...image }) => `${system}\n${planTable({ ...image, destinations })}`)
    .join('\n');
}
