import type { PushedBase, PushedDestination, PushedLayer, PushResult } from '../../verbs/push-result.ts';
import { count, formatBytes, formatTable, shortDigest } from '../format.ts';
import { errorDocument } from '../print-error.ts';
import { storePathNames } from '../store-path-names.ts';

/** The JSON document of `push` (docs/cli.md): stable names, absent where not known. */
export function pushDocument(result: PushResult): object {
  const { manifest, config, platform, base, plannedAnew, layers, destinations } = result;
  return {
    manifest,
    config,
    platform,
    base,
    plannedAnew,
    layers: layers.map(layerDocument),
    destinations: destinations.map(destinationDocument),
  };
}

function layerDocument({
  base,
  paths,
  narSize,
  recipe,
  reason,
  known,
  missingAt,
  diffId,
  descriptor,
}: PushedLayer): object {
  return { base, paths, narSize, recipe, reason, known, missingAt, diffId, descriptor };
}

export function destinationDocument({
  destination,
  reference,
  tags,
  sentBytes,
  error,
}: PushedDestination): object {
  return { destination, reference, tags, sentBytes, error: error && errorDocument(error) };
}

/** What `--dry-run` prints: a line for each layer and one for all of them. */
export function planTable({ layers, platform, base, plannedAnew, destinations }: PushResult): string {
  const header = ['LAYER', 'PATHS', 'UNPACKED', 'COMPRESSED', 'DIGEST', 'MOVES', 'WHY', 'CONTENT'];
  const rows = layers.map((layer, index) => [
    String(index + 1),
    String(layer.paths.length),
    layer.base === true ? '-' : formatBytes(layer.narSize),
    layer.known === undefined ? '?' : formatBytes(layer.known.size),
    layer.known === undefined ? '?' : shortDigest(layer.known.digest),
    moves(layer, destinations.length),
    layer.paths.length === 0 ? '-' : (layer.reason ?? '-'),
    content(layer),
  ]);
  const lines = formatTable([header, ...rows], new Set([0, 1, 2, 3]));
  const below = [
    ...(base === undefined ? [] : [baseLine(base)]),
    ...(plannedAnew === undefined ? [] : [`all layers are planned anew: ${plannedAnew}`]),
  ];
  return `${[...lines, `${platform}: ${totals(layers)}`, ...below, ...movesInAll(layers, destinations)].join('\n')}\n`;
}

function content({ base, paths }: PushedLayer): string {
  if (paths.length > 0) return `${base === true ? 'base: ' : ''}${storePathNames(paths, 3)}`;
  return base === true ? 'base' : 'links at /';
}

function baseLine({ reference, storePaths }: PushedBase): string {
  const found = storePaths === 0 ? '' : `; ${count(storePaths, 'store path')} of the closure found in it`;
  return `base: ${reference}${found}`;
}

function totals(layers: readonly PushedLayer[]): string {
  const ours = layers.filter(({ base }) => base !== true);
  const paths = ours.reduce((sum, layer) => sum + layer.paths.length, 0);
  const bytes = ours.reduce((sum, layer) => sum + layer.narSize, 0);
  const ofBase = ours.length === layers.length ? '' : ` (${layers.length - ours.length} of the base)`;
  return `${count(layers.length, 'layer')}${ofBase}, ${count(paths, 'store path')}, ${formatBytes(bytes)} unpacked`;
}

/** A line for each destination. */
function movesInAll(layers: readonly PushedLayer[], destinations: PushResult['destinations']): string[] {
  const unknown = layers.filter(({ known }) => known === undefined).length;
  const rest = unknown === 0 ? '' : `; of ${unknown} more it is not known yet`;
  return destinations.map(({ destination }) => {
    const missing = layers.flatMap(({ known, missingAt }) =>
      missingAt?.includes(destination) && known ? [known] : [],
    );
    const bytes = missing.reduce((sum, { size }) => sum + size, 0);
    return `${destination}: ${count(missing.length, 'layer')} to send (${formatBytes(bytes)})${rest}`;
  });
}

/** Whether a push would send the layer; only of a layer made before the digest is known, and so who has it. */
function moves({ missingAt }: PushedLayer, destinations: number): string {
  if (missingAt === undefined || destinations === 0) return '?';
  if (missingAt.length === 0) return 'no';
  return destinations === 1 ? 'yes' : `to ${missingAt.length} of ${destinations}`;
}
