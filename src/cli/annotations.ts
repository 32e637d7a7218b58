import type { Arguments } from './arguments.ts';

/** What `--annotation KEY=VALUE` says, undefined if it was not given. Throws ERR_USAGE. */
export async function annotationsFrom(args: Arguments): Promise<Record<string, string> | undefined> {
  const texts = args.texts('annotation');
  if (texts === undefined) return undefined;
  const { parsePairs } = await import('../image/config-flags.ts');
  return parsePairs(texts, '--annotation');
}
