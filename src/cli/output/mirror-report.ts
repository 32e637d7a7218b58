import { NixpushError } from '../../base/errors.ts';
import type { MirroredImage, MirroredRepository, MirrorResult } from '../../verbs/mirror/mirror-result.ts';
import type { Arguments } from '../arguments.ts';
import type { CliContext } from '../command.ts';
import { exitCodeOf } from '../exit-codes.ts';
import { count, formatBytes, formatTable } from '../format.ts';
import { jsonText } from '../json-text.ts';
import { errorDocument, printError } from '../print-error.ts';

/**
 * Prints a line `HOST/REPO:TAG@sha256:…` for each image that was copied, after a dry run a table, or one JSON document;
 * then the errors. Returns the exit code, that of the first error.
 */
export function reportMirror(result: MirrorResult, args: Arguments, context: CliContext): number {
  const [json, dryRun] = [args.flag('json'), args.flag('dry-run')];
  context.out(json ? jsonText(mirrorDocument(result), 2) : dryRun ? planText(result) : copiedText(result));
  const errors = result.repositories
    .flatMap(({ images, error }) => [...images.map((image) => image.error), error])
    .filter((error) => error !== undefined);
  // What ails a registry ails many images; where somebody may not go, it does not matter for which of them.
  const distinct = new Map(errors.map((error) => [subjectOf(error), error]));
  for (const error of distinct.values())
    printError(error, context.stderr, { json, verbose: args.flag('verbose') });
  return errors[0] === undefined ? 0 : exitCodeOf(errors[0]);
}

function subjectOf(error: Error): string {
  if (!(error instanceof NixpushError)) return error.message;
  const { code, host, repository } = error;
  const isRefusal = code === 'ERR_UNAUTHORIZED' || code === 'ERR_DENIED';
  return isRefusal ? `${code} ${host ?? ''}/${repository ?? ''}` : error.message;
}

/** The JSON document of `mirror` (docs/cli.md). */
export function mirrorDocument({ repositories }: MirrorResult): object {
  return {
    repositories: repositories.map(({ from, to, images, pruned, error }) => ({
      from,
      to,
      images: images.map((image) => ({ ...image, error: image.error && errorDocument(image.error) })),
      pruned,
      error: error && errorDocument(error),
    })),
    summary: summaryOf(repositories),
  };
}

function summaryOf(repositories: readonly MirroredRepository[]): object {
  const images = repositories.flatMap((repository) => repository.images);
  const amount = (outcome: MirroredImage['outcome']): number =>
    images.filter((image) => image.outcome === outcome).length;
  return {
    images: images.length,
    unchanged: amount('unchanged'),
    copied: amount('copied'),
    planned: amount('planned'),
    failed: amount('failed'),
    pruned: repositories.flatMap(({ pruned }) => pruned).length,
    bytes: images.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function copiedText({ repositories }: MirrorResult): string {
  return repositories
    .flatMap(({ to, images }) =>
      images
        .filter(({ outcome }) => outcome === 'copied')
        .map(({ tag, digest }) => `${to}:${tag}@${digest}\n`),
    )
    .join('');
}

/** A line for each image that would be copied and each tag that would go, then one for all of them. */
function planText({ repositories }: MirrorResult): string {
  const images = repositories.flatMap((repository) => repository.images);
  const planned = images.filter(({ outcome }) => outcome === 'planned');
  const pruned = repositories.flatMap((repository) => repository.pruned);
  const rows = repositories.flatMap(({ to, ...repository }) => [
    ...repository.images
      .filter(({ outcome }) => outcome === 'planned')
      .map(({ tag, bytes, requests = 0 }) => ['copy', formatBytes(bytes), String(requests), `${to}:${tag}`]),
    ...repository.pruned.map((tag) => ['remove', '', '', `${to}:${tag}`]),
  ]);
  const table =
    rows.length === 0 ? [] : formatTable([['', 'MOVES', 'REQUESTS', 'IMAGE'], ...rows], new Set([1, 2]));
  const bytes = planned.reduce((sum, image) => sum + image.bytes, 0);
  const requests = planned.reduce((sum, image) => sum + (image.requests ?? 0), 0);
  const unchanged = images.filter(({ outcome }) => outcome === 'unchanged').length;
  const total = [
    `${count(planned.length, 'image')} to copy (${formatBytes(bytes)}, about ${count(requests, 'request')})`,
    `${unchanged} unchanged`,
    ...(pruned.length > 0 ? [`${count(pruned.length, 'tag')} to remove`] : []),
  ];
  return `${[...table, total.join(', ')].join('\n')}\n`;
}
