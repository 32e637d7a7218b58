import type { Reference } from '../stores/reference.ts';

/** What to ask a store for: the tag or digest that a reference names, `latest` where it names none. */
export function manifestName(reference: Reference): string {
  if (reference.transport === 'docker-archive') return reference.image ?? ONLY_IMAGE;
  return reference.digest ?? reference.tag ?? 'latest';
}

/** Asks an archive for its only image. */
const ONLY_IMAGE = '';
