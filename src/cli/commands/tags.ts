import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';
import { safeText } from '../safe-text.ts';

export const tags: Command = {
  name: 'tags',
  summary: 'list the tags of a repository',
  positional: { name: 'repo', pattern: '<repo>', describe: 'HOST[:PORT]/REPO or oci:DIR' },
  examples: [
    { command: 'nixpush tags ghcr.io/me/hello', purpose: 'one a line: 1.9 before 1.10' },
    { command: 'nixpush tags oci:image --json | jq .tags', purpose: 'for programs' },
  ],
  groups: [REGISTRY_OPTIONS, OUTPUT_OPTIONS],
  notes: [],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [repository = ''] = args.positionals;
  const registry = await registryAccess(args, [repository], context);
  const { tags: listTags } = await context.loadVerbs();
  const result = await listTags(repository, { registry, signal: context.signal });
  context.out(
    args.flag('json') ? jsonText(result, 2) : result.tags.map((tag) => `${safeText(tag)}\n`).join(''),
  );
  return 0;
}
