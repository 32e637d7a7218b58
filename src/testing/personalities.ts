import type { RegistryQuirks } from './quirks.ts';

export type Personality =
  | 'distribution2'
  | 'distribution3'
  | 'zot'
  | 'quay'
  | 'ghcr'
  | 'ecr'
  | 'publicEcr'
  | 'artifactRegistry'
  | 'artifactory'
  | 'nexus'
  | 'behindProxy'
  | 'cloudflare';

/** Quirks of registries people use, as far as they matter to a client. */
export const personalities: Record<Personality, RegistryQuirks> = {
  /** distribution 2.x, and near relatives: Azure's, GitLab's, Harbor's. No resume after a body that broke off. */
  distribution2: {
    contentRange: 'ignore',
    stateInLocation: 'strict',
    referrersRefused: 404,
    tagDeleteRefused: 400,
  },
  /** distribution 3.x: the status GET gives a fresh Location, so uploads can be resumed. */
  distribution3: { stateInLocation: 'status', referrersRefused: 404 },
  zot: { location: 'relative', breakKillsSession: true },
  quay: {
    contentRange: 'overlap',
    emptyRange: '0--1',
    range: 'one-too-many',
    rangePrefix: 'bytes=',
    statusWithoutLocation: true,
    deleteRefused: 405,
  },
  ghcr: {
    uploadPath: 'upload',
    maxRangedBody: 4 << 20,
    statusRefused: 404,
    referrersRefused: 404,
    manifestDeleteRefused: 405,
  },
  ecr: { patchStatus: 201, range: 'stuck', statusRefused: 404, digestHeader: 'missing', minChunk: 5 << 20 },
  publicEcr: { patchStatus: 201, range: 'stuck', statusRefused: 404, blobHeadRefused: 401 },
  artifactRegistry: { patchStatus: 204, signedLocation: true, statusRefused: 405 },
  artifactory: { monolithicRefused: 404 },
  nexus: {
    manifestNeedsLength: true,
    digestHeader: 'missing',
    server: 'Nexus/3.68.1-02 (OSS)',
    parallelUploadsRefused: true,
  },
  /** A registry behind a proxy that wants sized bodies below a limit. */
  behindProxy: { unsizedRefused: 411, maxBody: 1 << 20 },
  cloudflare: { maxChunk: 1 << 20, minChunk: 1 << 18 },
};
