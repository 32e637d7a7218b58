import { usageError } from '../../base/errors.ts';
import type { Deletion } from '../../verbs/delete-image.ts';
import type { Arguments } from '../arguments.ts';
import { OUTPUT_OPTIONS, type CliContext, type Command } from '../command.ts';
import { jsonText } from '../json-text.ts';
import { REGISTRY_OPTIONS, registryAccess } from '../registry-options.ts';
import { safeText } from '../safe-text.ts';

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'delete a tag, or an image with all its tags',
  positional: {
    name: 'ref',
    pattern: '<ref>',
    describe: 'HOST[:PORT]/REPO:TAG or oci:DIR:TAG for a tag, …@DIGEST for the image with all its tags',
  },
  examples: [
    { command: 'nixpush delete ghcr.io/me/hello:1.0', purpose: 'asks first' },
    { command: 'nixpush delete oci:image:1.0 --yes', purpose: 'in a script' },
  ],
  groups: [
    { title: 'Options', options: { yes: { describe: 'do not ask' } } },
    REGISTRY_OPTIONS,
    OUTPUT_OPTIONS,
  ],
  notes: [
    'A registry frees the space of what has no tag any more when its garbage collection runs; a layout',
    'frees at once what no other image in it needs.',
  ],
  run,
};

async function run(args: Arguments, context: CliContext): Promise<number> {
  const [reference = ''] = args.positionals;
  const isSure = args.flag('yes');
  if (!isSure && !context.stdin.isTTY) {
    throw usageError(
      'there is no terminal to ask on whether to delete',
      'Say --yes to delete without a question.',
    );
  }
  const registry = await registryAccess(args, [reference], context);
  const { deleteImage } = await context.loadVerbs();
  const result = await deleteImage(reference, {
    ...(!isSure && { confirm: (deletion) => ask(deletion, context) }),
    registry,
    signal: context.signal,
  });
  if (args.flag('json')) context.out(jsonText(result, 2));
  else if (result.deleted) context.out(`deleted ${describe(result)}\n`);
  if (result.deleted) return 0;
  context.stderr.write('nothing was deleted\n');
  return 1;
}

async function ask(deletion: Deletion, { stdin, stderr }: CliContext): Promise<boolean> {
  const { prompt } = await import('../prompt.ts');
  const answer = await prompt(`delete ${describe(deletion)}? [y/N] `, { stdin, stderr }, { secret: false });
  return /^y(es)?$/i.test(answer.trim());
}

/** `ghcr.io/me/hello@sha256:… with the tags 1.0, latest`. */
function describe({ reference, manifest, tags }: Deletion): string {
  if (!reference.endsWith(manifest.digest)) return `${safeText(reference)} (${manifest.digest})`;
  if (tags === undefined) return `${safeText(reference)} with all its tags`;
  const those = tags.length === 0 ? 'no tag' : `the tag${tags.length > 1 ? 's' : ''} ${tags.join(', ')}`;
  return safeText(`${reference} with ${those}`);
}
