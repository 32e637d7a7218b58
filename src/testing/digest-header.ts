import { sha256 } from '../base/digest.ts';
import type { RegistryQuirks } from './quirks.ts';

/** Docker-Content-Digest as the quirks have it. */
export function digestHeaderOf(digest: string, quirks: RegistryQuirks): Record<string, string> {
  if (quirks.digestHeader === 'missing') return {};
  return { 'docker-content-digest': quirks.digestHeader === 'wrong' ? sha256('another') : digest };
}
