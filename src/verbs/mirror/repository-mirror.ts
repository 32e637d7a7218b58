import { resolve } from 'node:path';
import { usageError } from '../../base/errors.ts';
import type { Platform } from '../../image/descriptor.ts';
import { formatPlatform, parsePlatforms } from '../../image/platform.ts';
import { formatReference, parseReference, type Reference } from '../../stores/reference.ts';
import type { MirrorSpec } from './mirror-options.ts';
import { tagSelector, type TagSelector } from './tag-filter.ts';

/** A repository to mirror, checked. */
export interface RepositoryMirror {
  readonly from: Reference;
  readonly to: Reference;
  /** As people write them: `ghcr.io/x/demo`. */
  readonly fromName: string;
  readonly toName: string;
  readonly selector: TagSelector;
  readonly platforms: readonly Platform[];
  /** What the journal knows a tag by. */
  key(tag: string): string;
}

/** Throws ERR_USAGE. */
export async function repositoryMirror({
  from,
  to,
  tags,
  platforms = [],
}: MirrorSpec): Promise<RepositoryMirror> {
  const [source, destination] = [parseRepository(from), parseRepository(to)];
  const [fromName, toName] = [formatReference(source), formatReference(destination)];
  if (fromName === toName) throw usageError(`${fromName} cannot be a mirror of itself`);
  const wanted = parsePlatforms(platforms);
  const chosen = wanted.map(formatPlatform).sort().join();
  return {
    from: source,
    to: destination,
    fromName,
    toName,
    selector: await tagSelector(tags),
    platforms: wanted,
    key: (tag) => [place(source), place(destination), tag, chosen].join('\n'),
  };
}

/** The same wherever the process is started. */
function place(reference: Reference): string {
  return reference.transport === 'oci' ? `oci:${resolve(reference.directory)}` : formatReference(reference);
}

/** `HOST/REPO` or `oci:DIR`. Throws ERR_USAGE. */
export function parseRepository(text: string): Reference {
  const reference = parseReference(text);
  if (reference.transport === 'docker-archive')
    throw usageError(`${text}: an archive holds one image`, 'Mirror into a registry or a layout, oci:DIR.');
  if (reference.tag !== undefined || reference.digest !== undefined)
    throw usageError(
      `${text}: a mirror is of a whole repository`,
      'Leave out what follows its name; choose tags by filters.',
    );
  return reference;
}
