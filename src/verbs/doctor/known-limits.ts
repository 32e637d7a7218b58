import { yes, type Finding } from './finding.ts';

/** What the makers of registries say, and no probe can find out without harm. */
const KNOWN: readonly (readonly [host: RegExp, limits: string])[] = [
  [/^ghcr\.io$/, 'layers up to 10 GB, uploads up to 10 minutes; chunks with a range up to 4 MiB'],
  [/^docker\.io$/, 'pulls are counted by account or address; large layers only as a stream'],
  [/^public\.ecr\.aws$/, 'repositories are to be made first; no chunks'],
  [
    /\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/,
    'repositories are to be made first; chunks of 5 MB or more',
  ],
  [/(^|\.)gcr\.io$|\.pkg\.dev$/, 'repositories are to be made first; no chunks'],
  [/^quay\.io$/, 'layers up to 20 GB'],
  [/^registry\.gitlab\.com$/, 'tokens live 5 minutes'],
];

export function knownLimits(host: string): Finding[] {
  const limits = KNOWN.find(([pattern]) => pattern.test(host))?.[1];
  return limits === undefined ? [] : [yes('known limits', limits)];
}
