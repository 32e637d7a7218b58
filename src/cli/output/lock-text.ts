import type { LockedImage, LockResult } from '../../verbs/lock.ts';
import type { PullImageArguments } from '../../verbs/lock/pull-image.ts';

/** `HOST/REPO:TAG@DIGEST`, a line for each image. */
export function lockedLines({ images }: LockResult): string {
  return images.map(({ name, digest }) => `${name}@${digest}\n`).join('');
}

/** A line for each image that is not in the file as it should be, or was not. */
export function changeLines({ file, images }: LockResult, checked: boolean): string {
  return images.flatMap((image) => changeLine(image, file, checked) ?? []).join('');
}

function changeLine(
  { name, state, locked, digest }: LockedImage,
  file: string,
  checked: boolean,
): string | undefined {
  if (state === 'unchanged') return undefined;
  if (state === 'moved') return `${name} moved from ${locked} to ${digest}\n`;
  return `${name} ${checked ? 'is not' : 'is new'} in ${file}\n`;
}

/** An attribute set for each image, as `nix-prefetch-docker` prints it. */
export function nixText({ images }: LockResult): string {
  return images.flatMap(({ pullImage }) => (pullImage === undefined ? [] : attributeSet(pullImage))).join('');
}

/** No value can hold a character that means something to Nix: names, tags and digests have been checked. */
function attributeSet(values: PullImageArguments): string {
  const lines = Object.entries(values).map(([key, value]) => `  ${key} = "${value}";\n`);
  return `{\n${lines.join('')}}\n`;
}
