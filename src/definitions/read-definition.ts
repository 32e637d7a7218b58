import { checkDocument } from '../base/check-document.ts';
import { NixpushError } from '../base/errors.ts';
import { checkImageConfig } from '../image/image-config.ts';
import { checkLayersByHand } from '../layers/plan/layers-by-hand.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { ImageDefinition } from './image-definition.ts';
import { IMAGE_SCHEMA } from './image-schema.ts';

/** Whether a JSON document is an image definition: it has the key `nixpush`. */
export function isDefinition(document: object): boolean {
  return Object.hasOwn(document, 'nixpush');
}

/** What dockerTools runs while it builds; nothing is built here. */
const SCRIPTS = ['runAsRoot', 'fakeRootCommands', 'enableFakechroot', 'extraCommands'];

/**
 * Checks a definition: `file` and the place in it are in every message. Throws ERR_FORMAT.
 */
export async function readDefinition(document: object, file: string): Promise<ImageDefinition> {
  const script = SCRIPTS.find((key) => Object.hasOwn(document, key));
  if (script !== undefined) throw scriptError(script, file);
  const definition = await checkDocument<ImageDefinition>(document, IMAGE_SCHEMA, file);
  for (const key of ['contents', 'copyToRoot'] as const)
    for (const [at, path] of (definition[key] ?? []).entries())
      parseStorePath(path, `${file}: ${key}[${at}]`);
  if (typeof definition.layers === 'object') checkLayersByHand(definition.layers, `${file}: layers`);
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
