import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$XDG_CACHE_HOME/nixpush`, by default `~/.cache/nixpush`. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nixpush');
}
