import { usageError } from '../base/errors.ts';
import type { RegistryAccess } from '../verbs/registry-access.ts';
import { defined, type Arguments } from './arguments.ts';
import type { CliContext, CliOption, OptionGroup } from './command.ts';
import { parseDuration } from './duration.ts';
import { parseSize } from './size.ts';

type UploadMode = NonNullable<RegistryAccess['uploadMode']>;
type Options = Readonly<Record<string, CliOption>>;

export const LOGIN_OPTIONS: Options = {
  username: { value: 'USER', describe: 'user name, with --password-stdin' },
  'password-stdin': { describe: 'read the password from stdin' },
};

export const CONNECTION_OPTIONS: Options = {
  insecure: {
    value: 'HOST',
    repeat: true,
    describe: 'allow plain HTTP and unverified TLS for this registry',
  },
  'ca-file': { value: 'FILE', describe: 'certificates of authorities to trust in addition' },
  'trust-token-server': {
    value: 'HOST',
    repeat: true,
    describe: 'token server of another domain to log in to',
  },
  'max-wait': {
    value: 'DURATION',
    describe: 'wait for a registry that is busy or gone: 90s (default: 5m)',
  },
};

/** For every verb that talks to registries. */
export const REGISTRY_OPTIONS: OptionGroup = {
  title: 'Registry',
  options: { ...LOGIN_OPTIONS, ...CONNECTION_OPTIONS },
};

const UPLOAD_OPTIONS: Options = {
  'chunk-size': {
    value: 'SIZE',
    describe: 'most bytes in one request, for proxies with a limit: 50M',
  },
  'upload-mode': {
    value: 'MODE',
    choices: ['stream', 'chunk', 'monolithic'] satisfies UploadMode[],
    describe: 'stream, chunk or monolithic only (default: what works)',
  },
};

/** For verbs that also store something. */
export const PUSH_REGISTRY_OPTIONS: OptionGroup = {
  title: REGISTRY_OPTIONS.title,
  options: { ...REGISTRY_OPTIONS.options, ...UPLOAD_OPTIONS },
};

/** What those options say; `references` are all places that the command names. Throws ERR_USAGE. */
export async function registryAccess(
  args: Arguments,
  references: readonly string[],
  context: CliContext,
): Promise<RegistryAccess> {
  const { registryHosts } = await import('../verbs/registry-access.ts');
  return accessToHosts(args, () => registryHosts(references), context);
}

/** The same for a command that names no images, but the registries `hosts()`. Throws ERR_USAGE. */
export async function accessToHosts(
  args: Arguments,
  hosts: () => readonly string[],
  context: CliContext,
): Promise<RegistryAccess> {
  const access = await connectionAccess(args);
  const login = await givenLogin(args, context);
  if (login === undefined) return access;
  const [host, ...others] = hosts();
  if (host === undefined || others.length > 0) {
    throw usageError(
      host === undefined
        ? '--username is for a registry, but the command names none'
        : `--username is for one registry, but the command names ${[host, ...others].join(' and ')}`,
      'Log in to each with nixpush login HOST.',
    );
  }
  return { ...access, logins: { [host]: login } };
}

/** The same without a login. Throws ERR_USAGE. */
export async function connectionAccess(args: Arguments): Promise<RegistryAccess> {
  const { parseRegistryHosts } = await import('../verbs/registry-access.ts');
  const maxWait = args.text('max-wait');
  const chunkSize = args.text('chunk-size');
  return defined({
    insecure: args.texts('insecure') && parseRegistryHosts(args.texts('insecure')!),
    caFile: args.text('ca-file'),
    trustedTokenServers: args.texts('trust-token-server'),
    maxWaitMs: maxWait === undefined ? undefined : parseDuration(maxWait, '--max-wait'),
    chunkSize: chunkSize === undefined ? undefined : parseSize(chunkSize, '--chunk-size'),
    uploadMode: args.text('upload-mode') as UploadMode | undefined,
  });
}

/** The login of `--username` and `--password-stdin`, undefined if neither is given. Throws ERR_USAGE. */
export async function givenLogin(
  args: Arguments,
  context: CliContext,
): Promise<{ username: string; password: string } | undefined> {
  const username = args.text('username');
  const fromStdin = args.flag('password-stdin');
  if (username === undefined && !fromStdin) return undefined;
  if (username === undefined) throw usageError('--password-stdin wants --username too');
  if (!fromStdin) throw usageError('--username wants --password-stdin too');
  const { readPassword } = await import('./read-password.ts');
  return { username, password: await readPassword(context.stdin) };
}
