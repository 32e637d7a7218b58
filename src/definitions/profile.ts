import type { ImageConfig } from '../image/image-config.ts';
import type { WrittenEntry } from '../layers/content.ts';

/** Where contents are in the profile style, as in images that nix-docker-base's export-profile makes. */
export const PROFILE = '/run/profile';

const CERTIFICATES = '/etc/ssl/certs/ca-bundle.crt';

/** The variables that make a profile work; those of the definition go before them. */
export function profileConfig(entries: readonly WrittenEntry[]): ImageConfig {
  const hasCertificates = entries.some(({ path }) => path === CERTIFICATES);
  const variables = hasCertificates
    ? [`NIX_SSL_CERT_FILE=${CERTIFICATES}`, `SSL_CERT_FILE=${CERTIFICATES}`]
    : [];
  return { Env: [`PATH=${PROFILE}/bin`, ...variables] };
}
