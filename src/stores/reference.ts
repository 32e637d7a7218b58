import { parseDigest, type Digest } from '../base/digest.ts';
import { usageError, type NixpushError } from '../base/errors.ts';

/** What a destination or source on the command line names. */
export type Reference = RegistryReference | LayoutReference | ArchiveReference;

export interface RegistryReference {
  readonly transport: 'docker';
  /** `host[:port]` in lower case as users call it: Docker Hub is `docker.io`, wherever its API is. */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export interface LayoutReference {
  readonly transport: 'oci';
  readonly directory: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export interface ArchiveReference {
  readonly transport: 'docker-archive';
  /** `-` is standard input or output. */
  readonly file: string;
  /** Which image: its name (`hello:1.0`, or as in a registry) with the tag always there, or `@N`, counted from 0. */
  readonly image?: string;
  readonly tag?: never;
  readonly digest?: never;
}

/** Of other tools; without this list `docker-daemon:x` would be taken for an image called so on Docker Hub. */
const FOREIGN_TRANSPORT =
  /^(containers-storage|dir|docker-daemon|oci-archive|ocidir|ostree|podman|sif|tarball|https?):/;

// The grammar of github.com/distribution/reference.
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const REPOSITORY_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const DOMAIN_COMPONENT = '(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])';
const HOST = new RegExp(
  `^(?:${DOMAIN_COMPONENT}(?:\\.${DOMAIN_COMPONENT})*|\\[[a-f0-9:]+\\])(?::(?<port>[0-9]{1,5}))?$`,
);
const REPOSITORY_MAX_LENGTH = 255;

const DOCKER_HUB = 'docker.io';

/**
 * `[docker://]HOST[:PORT]/REPO[:TAG][@DIGEST]`, `oci:DIR[:TAG][@DIGEST]` or
 * `docker-archive:FILE[:NAME[:TAG]|:@N]`.
 * Names without a host mean Docker Hub, as everywhere. Throws ERR_USAGE, saying which part is wrong.
 */
export function parseReference(text: string): Reference {
  const foreign = FOREIGN_TRANSPORT.exec(text);
  if (foreign !== null) {
    throw wrong(
      text,
      `${foreign[0]} is not supported`,
      'Use HOST/REPO:TAG, oci:DIR:TAG or docker-archive:FILE.',
    );
  }
  if (text.startsWith('oci:')) return parseLayout(text, text.slice('oci:'.length));
  if (text.startsWith('docker-archive:')) return parseArchive(text, text.slice('docker-archive:'.length));
  const body = text.startsWith('docker://') ? text.slice('docker://'.length) : text;
  if (/^[^/@]*:[^/@]*@[^/@]*\//.test(body)) {
    // The text is not repeated: it holds a password.
    throw usageError('a reference holds a user name and password', 'Log in with nixpush login HOST instead.');
  }
  return parseRegistry(text, body);
}

/** The inverse of `parseReference`, with the host always spelt out. */
export function formatReference(reference: Reference): string {
  if (reference.transport === 'docker-archive') {
    return `docker-archive:${reference.file}${reference.image === undefined ? '' : `:${reference.image}`}`;
  }
  const name =
    reference.transport === 'oci'
      ? `oci:${reference.directory}`
      : `${reference.host}/${reference.repository}`;
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return name + tag + digest;
}

function parseRegistry(text: string, body: string): RegistryReference {
  const { rest, digest } = splitDigest(text, body);
  const lastColon = rest.lastIndexOf(':');
  const hasTag = lastColon > rest.lastIndexOf('/');
  const name = hasTag ? rest.slice(0, lastColon) : rest;
  const { host, repository } = splitHost(text, name);
  checkHost(text, host);
  checkRepository(text, repository);
  return {
    transport: 'docker',
    host,
    repository,
    ...(hasTag ? { tag: checkTag(text, rest.slice(lastColon + 1)) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

function parseLayout(text: string, body: string): LayoutReference {
  const { rest, digest } = splitDigest(text, body);
  const lastColon = rest.lastIndexOf(':');
  // A colon further up belongs to a directory's name.
  const hasTag = lastColon >= 0 && !rest.slice(lastColon).includes('/');
  const directory = hasTag ? rest.slice(0, lastColon) : rest;
  if (directory === '') throw wrong(text, 'the directory is missing');
  return {
    transport: 'oci',
    directory,
    ...(hasTag ? { tag: checkTag(text, rest.slice(lastColon + 1)) } : {}),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** skopeo's rule: the first colon ends the file's name. */
function parseArchive(text: string, body: string): ArchiveReference {
  const colon = body.indexOf(':');
  const file = colon < 0 ? body : body.slice(0, colon);
  if (file === '') throw wrong(text, 'the file is missing');
  if (colon < 0) return { transport: 'docker-archive', file };
  return { transport: 'docker-archive', file, image: parseImageName(text, body.slice(colon + 1)) };
}

/** Names are kept as they are written: `hello:1.0` in an archive need not be one of Docker Hub's. */
function parseImageName(text: string, image: string): string {
  if (/^@[0-9]{1,6}$/.test(image)) return image;
  const { digest, tag } = parseRegistry(text, image);
  if (digest !== undefined)
    throw wrong(text, 'images in an archive have no digests', 'Name the image, or write :@0 for the first.');
  return tag === undefined ? `${image}:latest` : image;
}

/** What follows an `@` is a digest only if it looks like one: directories may hold an `@` as well. */
function splitDigest(text: string, body: string): { rest: string; digest: Digest | undefined } {
  const at = body.lastIndexOf('@');
  const isLayout = text.startsWith('oci:');
  if (at < 0 || (isLayout && !/^[a-z0-9+._-]+:[^/]*$/i.test(body.slice(at + 1)))) {
    return { rest: body, digest: undefined };
  }
  try {
    return { rest: body.slice(0, at), digest: parseDigest(body.slice(at + 1), text) };
  } catch {
    throw wrong(text, `${JSON.stringify(body.slice(at + 1))} is not a sha256 or sha512 digest`);
  }
}

/** Docker's rule: the first component is a host if it has a dot, a port or capital letters, or is `localhost`. */
function splitHost(text: string, name: string): { host: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? name : name.slice(0, slash);
  const looksLikeHost = /[.:[\]A-Z]/.test(first) || first === 'localhost';
  if (slash < 0) {
    if (/[.:[]/.test(first) || first === 'localhost') {
      throw wrong(
        text,
        `${first} names a registry, but the repository is missing`,
        `Write ${first}/REPOSITORY:TAG.`,
      );
    }
    return { host: DOCKER_HUB, repository: `library/${name}` };
  }
  if (!looksLikeHost) return { host: DOCKER_HUB, repository: name };
  const repository = name.slice(slash + 1);
  const host = first.toLowerCase();
  const isHub = host === DOCKER_HUB || host === 'index.docker.io';
  if (!isHub) return { host, repository };
  return { host: DOCKER_HUB, repository: repository.includes('/') ? repository : `library/${repository}` };
}

function checkHost(text: string, host: string): void {
  const match = HOST.exec(host);
  // URL knows which IPv6 addresses are ones.
  const valid =
    match !== null && Number(match.groups?.['port'] ?? 1) <= 65_535 && URL.canParse(`https://${host}`);
  if (!valid) throw wrong(text, `${JSON.stringify(host)} is not a host[:port]`);
}

function checkRepository(text: string, repository: string): void {
  if (repository === '' || repository === 'library/') throw wrong(text, 'the repository is missing');
  if (repository.length > REPOSITORY_MAX_LENGTH) {
    throw wrong(text, `the repository is longer than ${REPOSITORY_MAX_LENGTH} characters`);
  }
  const component = repository.split('/').find((part) => !REPOSITORY_COMPONENT.test(part));
  if (component === undefined) return;
  const hint = /[A-Z]/.test(component)
    ? 'Repositories are written in lower case.'
    : 'Between letters and digits stands one of . _ __ or dashes.';
  throw wrong(text, `${JSON.stringify(component)} is not a component of a repository`, hint);
}

function checkTag(text: string, tag: string): string {
  if (TAG.test(tag)) return tag;
  const hint =
    'A tag has at most 128 letters, digits, dots, dashes and underscores; no dot or dash comes first.';
  throw wrong(
    text,
    tag === '' ? 'the tag after the colon is missing' : `${JSON.stringify(tag)} is not a tag`,
    hint,
  );
}

function wrong(text: string, why: string, hint?: string): NixpushError {
  return usageError(`${JSON.stringify(text)}: ${why}`, hint);
}
