import type { IndexResult } from '../../verbs/index-images.ts';
import { destinationDocument } from './push-report.ts';

/** The JSON document of `index` (docs/cli.md). */
export function indexDocument({ manifest, images, destinations }: IndexResult): object {
  return { manifest, images, destinations: destinations.map(destinationDocument) };
}
