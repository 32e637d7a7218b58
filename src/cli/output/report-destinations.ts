import type { PushedDestination } from '../../verbs/push-result.ts';
import type { Arguments } from '../arguments.ts';
import type { CliContext } from '../command.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { printError } from '../print-error.ts';

/**
 * Prints what became of each destination: one line `HOST/REPO@sha256:…` for each that has the image, or one JSON
 * document, then the errors of the others. Returns the exit code.
 */
export function reportDestinations(
  destinations: readonly PushedDestination[],
  document: () => object,
  args: Arguments,
  context: CliContext,
): number {
  const lines = destinations.flatMap(({ reference }) => (reference === undefined ? [] : [`${reference}\n`]));
  const text = args.flag('json') ? jsonText(document(), 2) : lines.join('');
  if (takesStdout(args.texts('to') ?? [])) context.stderr.write(text);
  else context.out(text);

  // Two tags of one repository fail with one error.
  const errors = new Set(destinations.flatMap(({ error }) => error ?? []));
  for (const error of errors)
    printError(error, context.stderr, { json: args.flag('json'), verbose: args.flag('verbose') });
  const [first] = errors;
  return first === undefined ? 0 : exitCodeOf(first);
}

/** Whether an archive goes to stdout, which then has no room for anything else. */
function takesStdout(to: readonly string[]): boolean {
  return to.some((text) => /^docker-archive:-(:|$)/.test(text));
}
