import type { InspectedClosure } from '../../verbs/inspect-path.ts';
import type {
  InspectedImage,
  InspectedIndex,
  InspectedLayer,
  InspectedPath,
  InspectResult,
} from '../../verbs/inspect.ts';
import type { Platform } from '../../image/descriptor.ts';
import { isIndexType } from '../../image/media-types.ts';
import { count, formatBytes, formatTable, shortDigest } from '../format.ts';
import { safeText } from '../safe-text.ts';

/** What `inspect` prints for people. All of it came from a registry, so all of it is made safe for a terminal. */
export function inspectText(result: InspectResult | InspectedClosure): string {
  return `${linesOf(result).map(safeText).join('\n')}\n`;
}

function linesOf(result: InspectResult | InspectedClosure): string[] {
  switch (result.kind) {
    case 'image':
      return imageLines(result);
    case 'index':
      return indexLines(result);
    case 'closure':
      return closureLines(result);
  }
}

/** Sizes as `nix path-info -rsSh` shows them. */
function closureLines({ paths, narSize }: InspectedClosure): string[] {
  const rows = paths.map(({ path, narSize: own, closureSize }) => [
    formatBytes(own),
    formatBytes(closureSize),
    path,
  ]);
  return [
    ...formatTable([['OWN', 'CLOSURE', 'PATH'], ...rows], new Set([0, 1])),
    `${count(paths.length, 'store path')}, ${formatBytes(narSize)}`,
  ];
}

function imageLines(image: InspectedImage): string[] {
  const { reference, manifest, config, platform, created, author, settings, annotations, layers, sizes } =
    image;
  const bytes = layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return [
    ...fields([
      ['Reference', reference],
      ['Digest', manifest.digest],
      ['Media type', manifest.mediaType],
      ['Image ID', config.digest],
      ['Platform', platform],
      ['Created', created],
      ['Author', author],
    ]),
    ...section('Annotations', Object.entries(annotations)),
    ...section('Config', settingRows(settings ?? {})),
    '',
    `Layers: ${layers.length}, ${formatBytes(bytes)} compressed`,
    ...layerLines(layers, sizes),
  ];
}

function indexLines({ reference, manifest, annotations, manifests }: InspectedIndex): string[] {
  const rows = manifests.map(({ platform, digest, mediaType, artifactType }) => [
    isIndexType(mediaType) ? 'index' : platformText(platform),
    digest,
    artifactType ?? mediaType,
  ]);
  return [
    ...fields([
      ['Reference', reference],
      ['Digest', manifest.digest],
      ['Media type', manifest.mediaType],
    ]),
    ...section('Annotations', Object.entries(annotations)),
    '',
    `Index of ${count(manifests.length, 'manifest')}; --platform shows one:`,
    ...formatTable(rows, new Set()).map((line) => `  ${line}`),
  ];
}

function platformText(platform: Platform | undefined): string {
  if (platform === undefined) return '-';
  const { os, architecture, variant, 'os.version': version } = platform;
  return [[os, architecture, variant].filter(Boolean).join('/'), version].filter(Boolean).join(' ');
}

type Row = readonly [name: string, value: unknown];

function fields(rows: readonly Row[]): string[] {
  const known = rows.filter(([, value]) => value !== undefined);
  return formatTable(
    known.map(([name, value]) => [`${name}:`, String(value)]),
    new Set(),
  );
}

function section(title: string, rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ['', `${title}:`, ...fields(rows).map((line) => `  ${line}`)];
}

/** One row a setting; a list of variables, and a set written as an object, take one row an entry. */
function settingRows(settings: Readonly<Record<string, unknown>>): Row[] {
  return Object.entries(settings).flatMap(([key, value]): Row[] => {
    if (value === null || value === '' || value === undefined) return [];
    if (key === 'Env' && Array.isArray(value)) return value.map((variable): Row => [key, variable]);
    if (key === 'Labels')
      return Object.entries(value).map(([label, text]): Row => [key, `${label}=${String(text)}`]);
    if (key === 'ExposedPorts' || key === 'Volumes')
      return Object.keys(value).map((entry): Row => [key, entry]);
    return [[key, typeof value === 'string' ? value : JSON.stringify(value)]];
  });
}

function layerLines(layers: readonly InspectedLayer[], sizes?: readonly InspectedPath[]): string[] {
  const heads = formatTable(
    layers.map(({ descriptor }, index) => [
      String(index + 1),
      formatBytes(descriptor.size),
      shortDigest(descriptor.digest),
      codecOf(descriptor.mediaType),
    ]),
    new Set([0, 1]),
  );
  return layers.flatMap((layer, index) => [
    `  ${heads[index] ?? ''}`,
    ...tree(contentOf(layer, index, sizes)),
  ]);
}

/** Its store paths, with their own size and that of their closure where these are known; else what its history says. */
function contentOf(
  { paths, comment, createdBy }: InspectedLayer,
  index: number,
  sizes?: readonly InspectedPath[],
): string[] {
  const sized = sizes?.filter(({ layer }) => layer === index + 1) ?? [];
  if (sized.length > 0) {
    const rows = sized.map(({ path, narSize, closureSize }) => [
      formatBytes(narSize),
      formatBytes(closureSize),
      path,
    ]);
    return formatTable(rows, new Set([0, 1]));
  }
  if (paths.length > 0) return [...paths];
  const says = comment ?? createdBy;
  return says === undefined || says === '' ? [] : [says];
}

function tree(lines: readonly string[]): string[] {
  return lines.map((line, index) => `      ${index === lines.length - 1 ? '└─' : '├─'} ${line}`);
}

function codecOf(mediaType: string): string {
  return /[.+](gzip|zstd)$/.exec(mediaType)?.[1] ?? (mediaType.endsWith('.tar') ? 'none' : mediaType);
}
