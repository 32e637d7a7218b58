import { existsSync } from 'node:fs';
import { NixpushError } from '../base/errors.ts';

/** Paths are written as paths: `./result`, `/nix/store/…`, `.#hello`. All else names an image. */
export function namesPath(text: string): boolean {
  return /^(\.{0,2}\/|\.{1,2}$)/.test(text) || text.includes('#');
}

/**
 * What `look` gives for the image that `text` names. If that fails and there is a file called so, the hint says how to
 * name it: that an image is meant must not depend on what lies in the directory.
 */
export async function lookAtImage<T>(text: string, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    const isOurs = error instanceof NixpushError && error.code !== 'ERR_ABORTED';
    if (!isOurs || !existsSync(text)) throw error;
    const { code, message, host, repository, digest, path, status, detail } = error;
    const known = Object.fromEntries(
      Object.entries({ host, repository, digest, path, status, detail }).filter(
        ([, fact]) => fact !== undefined,
      ),
    );
    throw new NixpushError(code, message, {
      ...known,
      hint: `${text} was taken for an image; write ./${text} for what is called so here.`,
      cause: error,
    });
  }
}
