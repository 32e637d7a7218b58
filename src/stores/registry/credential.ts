/** What a registry is shown to be let in. Where it was found is safe to print; the rest is not. */
export type Credential = BasicCredential | IdentityToken | RegistryToken;

interface Found {
  /** The file, helper program or option. */
  readonly source: string;
  /** Under which entry of it: `ghcr.io/team`. */
  readonly key?: string;
}

export interface BasicCredential extends Found {
  readonly kind: 'basic';
  readonly username: string;
  readonly password: string;
}

/** Changed for access tokens at the token server (OAuth 2 refresh token). */
export interface IdentityToken extends Found {
  readonly kind: 'identity-token';
  readonly token: string;
  /** For token servers that want it as a password. */
  readonly username: string;
}

/** Shown to the registry itself as it is. */
export interface RegistryToken extends Found {
  readonly kind: 'registry-token';
  readonly token: string;
}

/** A place to look for credentials. */
export interface CredentialSource {
  /**
   * `host` as in a reference (`docker.io`). Undefined if the source knows nothing about it.
   * Throws ERR_FORMAT or ERR_IO for a broken file, ERR_COMMAND for a helper program that fails.
   */
  find(host: string, repository: string | undefined, signal?: AbortSignal): Promise<Credential | undefined>;
}

export type Environment = Readonly<Record<string, string | undefined>>;
