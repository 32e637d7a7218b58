import { sha256, type Digest } from '../base/digest.ts';
import { stepwise, type Steps } from '../base/steps.ts';
import type { Codec } from './codec.ts';
import type { TarFormat } from './tar-format.ts';
import type { EntryOwner, FileContent, LayerContent, PermissionRule, WrittenEntry } from './content.ts';

/** Says on a layer's descriptor which recipe made it, so that whoever has the recipe need not make the layer again. */
export const RECIPE_ANNOTATION = 'dev.nixpush.recipe';

/** Owner and time of every entry of a layer. `mtime` in seconds since 1970. */
export interface TarOwner {
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly mtime: number;
}

/** What nixpkgs' streamLayeredImage writes. */
export const ROOT_OWNER: TarOwner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: 1 };

/** Everything a layer's bytes depend on. Two equal recipes give equal bytes, on every machine. */
export interface LayerRecipe {
  readonly content: LayerContent;
  readonly owner: TarOwner;
  /** Default: `nixpkgs`. */
  readonly format?: TarFormat;
  readonly codec: Codec;
}

/**
 * The recipe as text, one fact a line, names quoted as JSON. The first line versions it: whoever changes the tar
 * format or this text raises the number, and no remembered digest is used any more. A root layer may have thousands.
 */
export function* recipeText({ content, owner, format = 'nixpkgs', codec }: LayerRecipe): Steps<string> {
  const lines = [
    'nixpush layer 1',
    `owner ${owner.uid}:${owner.gid} ${JSON.stringify(owner.uname)}:${JSON.stringify(owner.gname)}`,
    `mtime ${owner.mtime}`,
    `codec ${codec.id}`,
    ...(format === 'nixpkgs' ? [] : [`format ${format}`]),
  ];
  yield* stepwise(contentLines(content), (line) => lines.push(line));
  return `${lines.join('\n')}\n`;
}

function* contentLines(content: LayerContent): Generator<string, void, void> {
  switch (content.kind) {
    case 'store-paths':
      for (const { path, narHash } of content.paths) yield `path ${path} ${narHash}`;
      for (const rule of content.permissions ?? []) yield ruleLine(rule);
      return;
    case 'entries':
      for (const entry of content.entries) yield entryLine(entry);
      return;
    case 'tar':
      yield `tar ${content.diffId}`;
      return;
    case 'nix2container':
      yield `nix2container ${content.diffId}`;
      for (const { path, rewrite, permissions } of content.paths) {
        yield `path ${path}`;
        if (rewrite !== undefined) yield `rewrite ${JSON.stringify(rewrite)}`;
        for (const permission of permissions) yield `permission ${JSON.stringify(permission)}`;
      }
  }
}

function entryLine({ path, type, mode, target, content, owner, capabilities }: WrittenEntry): string {
  return [
    type,
    mode.toString(8),
    ...ownerWords(owner),
    ...(capabilities ?? []),
    JSON.stringify(path),
    ...(target === undefined ? [] : [JSON.stringify(target)]),
    ...(content === undefined ? [] : contentWords(content)),
  ].join(' ');
}

function ruleLine({ pattern, within, mode, owner, capabilities }: PermissionRule): string {
  return [
    'permission',
    ...(mode === undefined ? [] : [mode.toString(8)]),
    ...ownerWords(owner),
    ...(capabilities === undefined ? [] : [`capabilities=${capabilities.join(',')}`]),
    JSON.stringify(pattern),
    ...(within === undefined ? [] : [JSON.stringify(within)]),
  ].join(' ');
}

function ownerWords(owner: EntryOwner | undefined): string[] {
  if (owner === undefined) return [];
  const { uid, gid, uname, gname } = owner;
  const names = uname === undefined && gname === undefined ? [] : [JSON.stringify([uname, gname])];
  return [`${uid}:${gid}`, ...names];
}

function contentWords(content: FileContent): string[] {
  if ('bytes' in content) return [sha256(content.bytes)];
  return [content.storePath, content.narHash, JSON.stringify(content.name)];
}

export function* recipeDigest(recipe: LayerRecipe): Steps<Digest> {
  return sha256(yield* recipeText(recipe));
}
