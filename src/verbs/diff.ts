import { NixpushError } from '../base/errors.ts';
import type { Digest } from '../base/digest.ts';
import { formatPlatform, hostPlatform } from '../image/platform.ts';
import { packageChanges, type ChangedPackage, type PackageChanges } from '../nix/package-changes.ts';
import type { ClosureOfOptions } from './read/closure-of.ts';
import { inspect, type InspectedImage } from './inspect.ts';
import { namedContent, type ReadClosure } from './read/named-content.ts';
import { namesPath } from './names-path.ts';
import { push } from './push.ts';
import type { PushOptions } from './push/push-options.ts';

export type { ChangedPackage };
export interface DiffOptions extends ClosureOfOptions {
  /** Of the push that is planned: `nixpkgs` (default) or `n2c`, which it must be if that of the image is. */
  tarFormat?: string;
}

export interface DiffResult extends PackageChanges {
  /** Of the second, lowest first, when the first is an image: what would move to where that one is. */
  layers?: readonly DiffedLayer[];
  /** Bytes that would move: of layers as they are stored or, where they were not made yet, unpacked. Without layers, of paths unpacked. */
  bytes: number;
}

export interface DiffedLayer {
  /** Of a layer that was not made yet only its recipe is known. */
  digest?: Digest;
  /** Bytes, compressed if `digest` is known. */
  size: number;
  moves: boolean;
  /** Why it is as it is, or why it moves. */
  reason: string;
  paths: readonly string[];
}

/**
 * What changed from one closure or image to another: store paths, and the layers and bytes that a push of the second
 * would move to where the first is. No layer is read. Throws NixpushError.
 */
export async function diff(from: string, to: string, options: DiffOptions = {}): Promise<DiffResult> {
  const before = await sideOf(from, options);
  const after = await sideOf(to, options);
  const changes = packageChanges(before.paths, after.paths);
  if (before.image === undefined) return { ...changes, bytes: bytesAdded(changes, after) };
  const there = new Set(before.image.layers.map(({ descriptor }) => descriptor.digest));
  const compression = codecOf(before.image);
  const layers = namesPath(to)
    ? await plannedLayers(to, { ...options, reuse: [before.reference], compression }, there)
    : storedLayers(after.image!, there, changes);
  const moving = layers.filter(({ moves }) => moves);
  return { ...changes, layers, bytes: moving.reduce((sum, { size }) => sum + size, 0) };
}

interface ImageSide {
  readonly paths: readonly string[];
  readonly reference: string;
  readonly image: InspectedImage;
}

interface ClosureSide {
  readonly paths: readonly string[];
  readonly image?: undefined;
  readonly closure: ReadClosure;
}

async function sideOf(text: string, options: DiffOptions): Promise<ImageSide | ClosureSide> {
  const named = await namedContent(text, options);
  if (named.kind === 'closure') return { closure: named, paths: named.paths.map(({ path }) => path) };
  const { registry, platform = formatPlatform(hostPlatform()), signal } = options;
  const image = await inspect(named.reference, {
    ...(registry && { registry }),
    platform,
    ...(signal && { signal }),
  });
  if (image.kind !== 'image') throw new NixpushError('ERR_FORMAT', `${text} is no image`);
  return { image, reference: named.reference, paths: image.layers.flatMap(({ paths }) => paths) };
}

/** Layers of another codec would be other layers. */
function codecOf({ layers }: InspectedImage): string {
  const types = layers.map(({ descriptor }) => descriptor.mediaType);
  return types.every((type) => type.endsWith('.tar'))
    ? 'none'
    : types.at(-1)!.endsWith('zstd')
      ? 'zstd'
      : 'gzip';
}

/** As a push would plan them that reuses the layers of the earlier image. */
async function plannedLayers(
  to: string,
  options: Omit<PushOptions, 'to'>,
  there: ReadonlySet<Digest>,
): Promise<DiffedLayer[]> {
  const { layers } = await push({ ...options, paths: [to], to: [], dryRun: true });
  return layers.map(({ paths, narSize, known, reason }) => ({
    ...(known !== undefined && { digest: known.digest }),
    size: known?.size ?? narSize,
    moves: known === undefined || !there.has(known.digest),
    reason: reason ?? 'links at /',
    paths,
  }));
}

function storedLayers(
  { layers }: InspectedImage,
  there: ReadonlySet<Digest>,
  { unchanged }: PackageChanges,
): DiffedLayer[] {
  const known = new Set(unchanged);
  return layers.map(({ descriptor: { digest, size }, paths }) => {
    const moves = !there.has(digest);
    return { digest, size, moves, reason: moves ? reasonToMove(paths, known) : 'the same', paths };
  });
}

function reasonToMove(paths: readonly string[], unchanged: ReadonlySet<string>): string {
  const fresh = paths.filter((path) => !unchanged.has(path)).length;
  if (paths.length === 0) return 'it holds no store paths, and other files';
  if (fresh > 0) return `${fresh} of its ${paths.length} store paths changed`;
  return 'its store paths are in other layers, or compressed otherwise';
}

function bytesAdded({ added, changed }: PackageChanges, after: ImageSide | ClosureSide): number {
  if (after.image !== undefined)
    return after.image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  const come = new Set([...added, ...changed.flatMap(({ to }) => to)]);
  return after.closure.paths.reduce((sum, { path, narSize }) => sum + (come.has(path) ? narSize : 0), 0);
}
