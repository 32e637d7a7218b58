import { execFileSync } from 'node:child_process';

/** Environment variables with which `nix` and its friends work as root, without a daemon and without a network. */
export const nixSettings: { readonly NIX_CONFIG: string } = {
  NIX_CONFIG: [
    'build-users-group =',
    'sandbox = false',
    'substituters =',
    'experimental-features = nix-command flakes',
  ].join('\n'),
};

export const nixEnvironment: NodeJS.ProcessEnv = { ...process.env, ...nixSettings };

/** Builds a Nix expression for real and gives its store path. */
export function nixBuild(expression: string): string {
  return nix('nix-build', '--no-out-link', '-E', expression).trim();
}

/** All store paths that a store path needs, itself included. */
export function requisites(path: string): string[] {
  return nix('nix-store', '--query', '--requisites', path).trim().split('\n');
}

function nix(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    env: nixEnvironment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
