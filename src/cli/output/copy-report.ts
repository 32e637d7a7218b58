import type { CopyResult } from '../../verbs/copy.ts';
import { destinationDocument } from './push-report.ts';

/** The JSON document of `copy` (docs/cli.md). */
export function copyDocument({ manifest, destinations }: CopyResult): object {
  return { manifest, destinations: destinations.map(destinationDocument) };
}
