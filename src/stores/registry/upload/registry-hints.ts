import type { ProfileFacts } from './registry-profile.ts';

const MIB = 1024 * 1024;

/** Where to begin with registries that people use; what they do counts for more (research/registry-clients.md, c.2). */
const HINTS: readonly (readonly [name: RegExp, facts: ProfileFacts])[] = [
  [/^ghcr\.io$/, { rangeTooLarge: 4 * MIB + 1 }],
  [/\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/, { chunkMin: 5 * MIB }],
  // Chunks end in BLOB_UPLOAD_INVALID.
  [/^public\.ecr\.aws$/, { refused: ['chunk'] }],
  // Google documents that there are none.
  [/(^|\.)gcr\.io$|\.pkg\.dev$/, { refused: ['chunk'] }],
];

/** By what the server calls itself, for those that stand anywhere. */
const SOFTWARE_HINTS: typeof HINTS = [
  // Parallel pushes end in "blob upload invalid" (sonatype/nexus-public#967).
  [/^Nexus\//, { parallelBlobs: 1 }],
];

/** What is known of a registry before anything was sent to it; the name of its host and software tell only that much. */
export function hintsFor(host: string, software: string): ProfileFacts {
  const named = (hints: typeof HINTS, name: string): ProfileFacts =>
    hints.find(([pattern]) => pattern.test(name))?.[1] ?? {};
  return { ...named(SOFTWARE_HINTS, software), ...named(HINTS, host) };
}
