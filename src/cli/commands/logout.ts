import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { safeText } from '../safe-text.ts';

export const logout: Command = {
  name: 'logout',
  summary: 'forget the logins for a registry',
  positional: { name: 'host', pattern: '<host>', describe: 'HOST[:PORT]; Docker Hub is docker.io' },
  examples: [
    { command: 'nixpush logout ghcr.io', purpose: 'also those of docker login, podman login, skopeo login' },
  ],
  groups: [OUTPUT_OPTIONS],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const { logout: logOut } = await context.loadVerbs();
  const result = await logOut(args.positionals[0] ?? '', { signal: context.signal });
  const { host, removedFrom } = result;
  const lines =
    removedFrom.length === 0
      ? [`there was no login for ${host}`]
      : removedFrom.map((place) => `removed the login for ${host} from ${safeText(place)}`);
  context.out(args.flag('json') ? jsonText(result, 2) : `${lines.join('\n')}\n`);
  return 0;
}
