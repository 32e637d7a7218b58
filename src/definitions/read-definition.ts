import { checkDocument } from '../base/check-document.ts';
import { NixpushError } from '../base/errors.ts';
import { checkImageConfig } from '../image/image-config.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { ImageDefinition } from './image-definition.ts';
import { IMAGE_SCHEMA } from './image-schema.ts';

/** The document of a file if it is an image definition: a JSON object with the key `nixpush`. */
export function imageDefinitionIn(text: string): Record<string, unknown> | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const document = JSON.parse(text) as Record<string, unknown>;
    return Object.hasOwn(document, 'nixpush') ? document : undefined;
  } catch {
    return undefined;
  }
}

/** What dockerTools runs while it builds; nothing is built here. */
const SCRIPTS = ['runAsRoot', 'fakeRootCommands', 'enableFakechroot', 'extraCommands'];

/**
 * Checks a definition: `file` and the place in it are in every message. Throws ERR_FORMAT.
 */
export async function readDefinition(
  document: Record<string, unknown>,
  file: string,
): Promise<ImageDefinition> {
  const script = SCRIPTS.find((key) => Object.hasOwn(document, key));
  if (script !== undefined) throw scriptError(script, file);
  const definition = await checkDocument<ImageDefinition>(document, IMAGE_SCHEMA, file);
  for (const key of ['contents', 'copyToRoot'] as const)
    for (const [at, path] of (definition[key] ?? []).entries())
      parseStorePath(path, `${file}: ${key}[${at}]`);
  checkImageConfig(definition.config ?? {}, `${file}: config`);
  return definition;
}

function scriptError(key: string, file: string): NixpushError {
  return new NixpushError('ERR_FORMAT', `${file}: ${key}: nothing is run while an image is pushed`, {
    path: file,
    hint: [
      'Declare what the script does: mkdir as directories, groupadd, useradd and shadowSetup as users and groups,',
      'chown, chmod and setcap as permissions, ln -s as links, written files as files.',
      'An image that dockerTools has built with the script can be pushed as it is.',
    ].join(' '),
  });
}
