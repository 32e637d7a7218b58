import { NixpushError } from '../base/errors.ts';
import type { TreeLocation } from './closure.ts';
import { runNix } from './nix-command.ts';
import { parseStorePath, STORE_DIR } from './store-path.ts';
import { nixStoreArgs } from './tree-location.ts';

export interface BuildOptions {
  /** The store to build in. */
  trees: TreeLocation;
  cwd?: string;
  signal?: AbortSignal;
}

/** The URL schemes of flake references (Nix manual, `nix flake`, "Types"). */
const FLAKE_URL = /^(path|flake|github|gitlab|sourcehut|https?|(git|hg|tarball|file)(\+[a-z]+)?):/;

/** `flake#attribute`, or a flake's URL without an attribute such as `github:owner/repo`. */
export function looksLikeInstallable(text: string): boolean {
  return text.includes('#') || FLAKE_URL.test(text);
}

/**
 * Builds a flake installable and returns the store paths of its outputs, no link left behind. Asks for JSON, since
 * `--print-out-paths` came with Nix 2.9 only. Throws ERR_COMMAND, ERR_USAGE, ERR_ABORTED.
 */
export async function buildInstallable(installable: string, options: BuildOptions): Promise<string[]> {
  const { trees, ...run } = options;
  const output = await runNix(['build', '--no-link', '--json', ...nixStoreArgs(trees), '--', installable], {
    ...run,
    doing: `cannot build ${installable}`,
  });
  const paths = parseBuildResult(output);
  if (paths.length > 0) return paths;
  throw new NixpushError('ERR_COMMAND', `cannot build ${installable}: nix reports no output`);
}

/** `[{drvPath, outputs: {out: path}}]`, since Nix 2.4; what is in the store already is a bare path or `{path}`. */
function parseBuildResult(output: string): string[] {
  try {
    const results = JSON.parse(output) as unknown[];
    return results.flatMap((result) => {
      if (typeof result === 'string') return [toStorePath(result)];
      const { path, outputs } = result as { path?: unknown; outputs?: Record<string, unknown> };
      return Object.values(outputs ?? { path }).map(toStorePath);
    });
  } catch (error) {
    throw new NixpushError('ERR_COMMAND', 'nix build --json printed something that is not known', {
      cause: error,
    });
  }
}

/** Nix is on its way to base names in its JSON (2.33 release notes, path-info). */
function toStorePath(text: unknown): string {
  const path = typeof text === 'string' && !text.startsWith('/') ? `${STORE_DIR}/${text}` : text;
  return parseStorePath(path, 'nix build').path;
}
