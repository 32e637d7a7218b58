import { readFile, stat } from 'node:fs/promises';
import { isDigest, type Digest } from '../../base/digest.ts';
import { inSlices } from '../../base/steps.ts';
import { ioError, NixpushError } from '../../base/errors.ts';
import type { ImageFile } from '../../definitions/image-input.ts';
import type { StreamConfig } from '../../definitions/stream-config.ts';
import { parseCreated } from '../../image/created.ts';
import { storePathsComment, type HistoryEntry } from '../../image/history.ts';
import type { ImageConfig } from '../../image/image-config.ts';
import { parsePlatform } from '../../image/platform.ts';
import { ROOT_OWNER, type TarOwner } from '../../layers/recipe.ts';
import type { ClosurePath, ClosureSource, TreeLocation } from '../../nix/closure.ts';
import { checkTrees, locate } from '../../nix/tree-location.ts';
import { ImageInArchive } from './archived-image.ts';
import type { DescribedImage } from './described-image.ts';
import { namesOfImage } from '../destination/destination.ts';
import { planLayer, type LayerSettings, type LayerPlan } from './layer-plan.ts';

/** The first of an archive: streamLayeredImage looks at no other. */
const FIRST_IMAGE = '@0';

/**
 * The image that the script of dockerTools.streamLayeredImage would write: the layers of `fromImage`, the store layers,
 * the customisation layer; of the base's config the environment only. Throws NixpushError.
 */
export async function openStreamedImage(
  { name, config }: ImageFile & { config: StreamConfig },
  source: ClosureSource,
  signal?: AbortSignal,
): Promise<DescribedImage> {
  const { architecture, variant, from_image: fromImage } = config;
  const platform = parsePlatform(['linux', architecture, ...(variant ? [variant] : [])].join('/'));
  const created = parseCreated(config.created);
  const owner = ownerFrom(config);
  const base =
    fromImage === undefined || fromImage === null
      ? undefined
      : await ImageInArchive.open(physical(source.trees, fromImage), FIRST_IMAGE, signal);
  return {
    names: namesOfImage(config.repo_tag),
    platform,
    created,
    config: overBase(base?.image.config.settings, config.config ?? {}),
    layers: async (settings, createdAt) => {
      const historyOf = (...made: string[]): HistoryEntry => ({
        created: createdAt,
        comment: storePathsComment(made),
      });
      return [
        ...((await base?.layers(settings, historyOf)) ?? []),
        ...(await storeLayers(config, { source, signal, owner, settings, historyOf })),
        await customisationLayer(config, { name, trees: source.trees, settings, historyOf }),
      ];
    },
    close: async () => base?.close(),
  };
}

function ownerFrom({
  uid = 0,
  gid = 0,
  uname = 'root',
  gname = 'root',
  mtime,
  created,
}: StreamConfig): TarOwner {
  // Configurations that have no mtime of their own are of a time when `created` was it.
  const time = Math.floor(Date.parse(parseCreated(mtime ?? created)) / 1000);
  return { ...ROOT_OWNER, uid: Number(uid), gid: Number(gid), uname, gname, mtime: time };
}

/** Variables of the base first, each where it first stood, with its last value; nothing else of it. */
function overBase(base: ImageConfig | undefined, config: ImageConfig): ImageConfig {
  if (base === undefined) return config;
  const variables = [base['Env'], config['Env']].flatMap((env) =>
    Array.isArray(env) ? (env as string[]) : [],
  );
  if (variables.length === 0) return config;
  const merged = new Map(variables.map((variable) => [variable.split('=', 1)[0], variable]));
  return { ...config, Env: [...merged.values()] };
}

interface Making {
  readonly settings: LayerSettings;
  readonly historyOf: (...made: string[]) => HistoryEntry;
}

async function storeLayers(
  { store_layers: layers }: StreamConfig,
  {
    source,
    signal,
    owner,
    settings,
    historyOf,
  }: Making & { source: ClosureSource; signal: AbortSignal | undefined; owner: TarOwner },
): Promise<LayerPlan[]> {
  const { trees } = source;
  const known = await pathsOf([...new Set(layers.flat())], source, signal);
  return Promise.all(
    layers.map((names) => {
      const paths = names.map((path) => known.get(path)!);
      const content = {
        kind: 'store-paths',
        trees,
        paths: paths.map(({ path, narHash, narSize }) => ({ path, narHash, narSize })),
      } as const;
      const narSize = paths.reduce((sum, path) => sum + path.narSize, 0);
      const history = historyOf(...names);
      return planLayer(settings, { content, owner }, { paths: names, narSize, reason: REASON, history });
    }),
  );
}

const REASON = 'as dockerTools has it';

/** The configuration has no hashes; whoever knows the store has. */
async function pathsOf(
  paths: readonly string[],
  source: ClosureSource,
  signal: AbortSignal | undefined,
): Promise<Map<string, ClosurePath>> {
  if (paths.length === 0) return new Map();
  const closure = await source.closure(paths, signal);
  await inSlices(checkTrees(closure, source.trees));
  return new Map(closure.paths.map((path) => [path.path, path]));
}

async function customisationLayer(
  { customisation_layer: directory }: StreamConfig,
  { name, trees, settings, historyOf }: Making & { name: string; trees: TreeLocation },
): Promise<LayerPlan> {
  const file = `${locate(trees, directory)}/layer.tar`;
  const diffId = await checksum(`${locate(trees, directory)}/checksum`, name);
  const { size } = await stat(file).catch((error: unknown) => {
    throw ioError(error, 'cannot read', file);
  });
  const content = { kind: 'tar', diffId, file } as const;
  const history = historyOf(directory);
  const described = { paths: [], narSize: size, reason: 'customisation layer', history };
  return planLayer(settings, { content, owner: ROOT_OWNER }, described);
}

async function checksum(file: string, name: string): Promise<Digest> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw ioError(error, `cannot read the customisation layer of ${name}`, file);
  }
  const digest: unknown = `sha256:${text.trim()}`;
  if (isDigest(digest)) return digest;
  throw new NixpushError('ERR_FORMAT', `${file} is not a SHA-256 in hexadecimal digits`, { path: file });
}

/** Most are store paths; a relocated store has its own. */
function physical(trees: TreeLocation, file: string): string {
  return file.startsWith(`${trees.storeDir}/`) ? locate(trees, file) : file;
}
