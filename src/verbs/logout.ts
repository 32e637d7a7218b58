import { parseRegistryHost } from '../stores/registry-address.ts';

export interface LogoutResult {
  host: string;
  /** The files and credential helper programs that held a login; empty if there was none. */
  removedFrom: readonly string[];
}

/**
 * Removes the logins for a registry from all files in which they are looked for, and from the credential helpers that
 * these name. Throws ERR_USAGE, ERR_IO, ERR_FORMAT, ERR_COMMAND.
 */
export async function logout(
  registry: string,
  options: { signal?: AbortSignal } = {},
): Promise<LogoutResult> {
  const host = parseRegistryHost(registry);
  const { credentialFiles } = await import('../stores/registry/credentials.ts');
  const { removeLogin } = await import('../stores/registry/auth-file-edit.ts');
  const removedFrom: string[] = [];
  for (const file of credentialFiles(process.env)) {
    removedFrom.push(...(await removeLogin(file, host, process.env, options.signal)));
  }
  return { host, removedFrom };
}
