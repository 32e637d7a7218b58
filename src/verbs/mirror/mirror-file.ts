import { readFile } from 'node:fs/promises';
import { checkDocument } from '../../base/check-document.ts';
import { ioError, NixpushError } from '../../base/errors.ts';
import { parsePlatforms } from '../../image/platform.ts';
import { parseRegistryHost } from '../../stores/registry-address.ts';
import type { RegistryAccess, RegistryLogin } from '../registry-access.ts';
import { withVariables } from './environment.ts';
import type { MirrorSpec } from './mirror-options.ts';
import { MIRROR_SCHEMA } from './mirror-schema.ts';
import { parseRepository } from './repository-mirror.ts';
import { tagSelector, type TagFilters } from './tag-filter.ts';

export interface MirrorFile {
  readonly images: readonly MirrorSpec[];
  /** The logins that the file has, and the hosts that it calls insecure. */
  readonly registry: Pick<RegistryAccess, 'logins' | 'insecure'>;
}

/** What the schema lets through. */
interface Document {
  readonly registries?: Readonly<
    Record<string, { username?: string; password?: string; insecure?: boolean }>
  >;
  readonly images: readonly {
    readonly from: string;
    readonly to: string;
    readonly tags?: TagFilters;
    readonly platforms?: string | readonly string[];
  }[];
}

/**
 * Reads a mirror file, YAML or JSON, in the form of `schemas/mirror.json`. All that can be wrong with it is found before
 * anything is mirrored. Throws ERR_FORMAT with the place, ERR_NOT_FOUND, ERR_IO.
 */
export async function readMirrorFile(
  file: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<MirrorFile> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw ioError(error, 'cannot read', file);
  });
  const document = await checkDocument<Document>(
    withVariables(await parseYaml(text, file), environment, file),
    MIRROR_SCHEMA,
    file,
  );
  const images = await Promise.all(
    document.images.map((image, at) => imageOf(image, (key) => `${file}: images[${at}].${key}`)),
  );
  return { images, registry: registryOf(document, file) };
}

async function parseYaml(text: string, file: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [error] = document.errors;
  // Behind the first line stands an excerpt, which may hold a secret.
  if (error !== undefined) throw malformed(`${file}: ${error.message.split('\n', 1)[0]!.replace(/:$/, '')}`);
  try {
    return document.toJS();
  } catch (cause) {
    throw malformed(`${file}: ${(cause as Error).message}`);
  }
}

async function imageOf(
  { from, to, tags, platforms }: Document['images'][number],
  place: (key: string) => string,
): Promise<MirrorSpec> {
  at(place('from'), () => parseRepository(from));
  at(place('to'), () => parseRepository(to));
  const list = platforms === undefined ? undefined : [platforms].flat();
  at(place('platforms'), () => parsePlatforms(list ?? []));
  await tagSelector(tags, (part) => place(`tags${part}`)).catch((error: unknown) => {
    throw malformed((error as Error).message, error);
  });
  return { from, to, ...(tags !== undefined && { tags }), ...(list !== undefined && { platforms: list }) };
}

function registryOf({ registries = {} }: Document, file: string): MirrorFile['registry'] {
  const logins: Record<string, RegistryLogin> = {};
  const insecure: string[] = [];
  for (const [name, { username, password, insecure: isInsecure }] of Object.entries(registries)) {
    const host = at(`${file}: registries`, () => parseRegistryHost(name));
    if (username !== undefined && password !== undefined) logins[host] = { username, password, source: file };
    if (isInsecure === true) insecure.push(host);
  }
  return { logins, insecure };
}

/** What is no mistake of the command line, with its place in the file. */
function at<T>(place: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw malformed(`${place}: ${(error as Error).message}`, error);
  }
}

function malformed(message: string, error?: unknown): NixpushError {
  const hint = error instanceof NixpushError ? error.hint : undefined;
  return new NixpushError('ERR_FORMAT', message, hint === undefined ? {} : { hint });
}
