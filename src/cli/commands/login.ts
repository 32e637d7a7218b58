import { usageError } from '../../base/errors.ts';
import type { RegistryLogin } from '../../verbs/registry-access.ts';
import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { CONNECTION_OPTIONS, connectionAccess, givenLogin, LOGIN_OPTIONS } from '../registry-options.ts';
import { safeText } from '../safe-text.ts';

export const login: Command = {
  name: 'login',
  summary: 'check a user name and password with a registry and keep them',
  positional: { name: 'host', pattern: '<host>', describe: 'HOST[:PORT]; Docker Hub is docker.io' },
  examples: [
    { command: 'nixpush login ghcr.io', purpose: 'asks for name and password' },
    {
      command: 'echo "$TOKEN" | nixpush login ghcr.io --username me --password-stdin',
      purpose: 'in a script',
    },
  ],
  groups: [{ title: 'Options', options: { ...LOGIN_OPTIONS, ...CONNECTION_OPTIONS } }, OUTPUT_OPTIONS],
  notes: [
    'The login is kept where docker, podman and skopeo find it too: where $REGISTRY_AUTH_FILE or',
    "$DOCKER_CONFIG says, else in the first auth.json that exists, else in Docker's config.json; or with",
    'the credential helper which that file names.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [registry = ''] = args.positionals;
  const given = (await givenLogin(args, context)) ?? (await askedLogin(registry, context));
  const { login: logIn } = await context.loadVerbs();
  const registryAccess = await connectionAccess(args);
  const result = await logIn(registry, { ...given, registry: registryAccess, signal: context.signal });
  if (!result.verified && !args.flag('quiet')) {
    context.stderr.write(`warning: ${result.host} asked for no credentials, so these could not be checked\n`);
  }
  context.out(
    args.flag('json')
      ? jsonText(result, 2)
      : `logged in to ${result.host}; kept in ${safeText(result.keptIn)}\n`,
  );
  return 0;
}

async function askedLogin(registry: string, { stdin, stderr }: CliContext): Promise<RegistryLogin> {
  if (!stdin.isTTY) {
    throw usageError(
      'there is no terminal to ask for a user name and password on',
      'Give them with --username USER --password-stdin.',
    );
  }
  const { prompt } = await import('../prompt.ts');
  const terminal = { stdin, stderr };
  const username = await prompt(`user name for ${safeText(registry)}: `, terminal, { secret: false });
  return { username, password: await prompt('password or token: ', terminal, { secret: true }) };
}
