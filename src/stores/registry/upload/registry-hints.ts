import type { ProfileFacts } from './registry-profile.ts';

const MIB = 1024 * 1024;

/** Where to begin with registries that people use; what they do counts for more (research/registry-clients.md, c.2). */
const HINTS: readonly (readonly [host: RegExp, facts: ProfileFacts])[] = [
  [/^ghcr\.io$/, { rangeTooLarge: 4 * MIB + 1 }],
  [/\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/, { chunkMin: 5 * MIB }],
  // Chunks end in BLOB_UPLOAD_INVALID.
  [/^public\.ecr\.aws$/, { refused: ['chunk'] }],
  // Google documents that there are none.
  [/(^|\.)gcr\.io$|\.pkg\.dev$/, { refused: ['chunk'] }],
];

/** What is known of a registry before it was ever spoken to; the names of hosts tell only that much. */
export function hintsFor(host: string): ProfileFacts {
  return HINTS.find(([pattern]) => pattern.test(host))?.[1] ?? {};
}
