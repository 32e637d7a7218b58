import type { HeldRepository } from './content.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

interface Referrer {
  subject?: { digest?: string };
  artifactType?: string;
  config?: { mediaType: string };
  annotations?: Record<string, string>;
}

/** What refers to a manifest, there or not, page by page (distribution-spec, end-12). */
export function listReferrers(
  exchange: Exchange,
  repository: HeldRepository,
  subject: string,
  quirks: RegistryQuirks,
): void {
  if (quirks.referrersRefused !== undefined) {
    exchange.refuse(quirks.referrersRefused, 'UNSUPPORTED');
    return;
  }
  const all = [...repository.manifests].flatMap(([digest, { mediaType, bytes }]) => {
    const { subject: about, artifactType, config, annotations } = JSON.parse(bytes.toString()) as Referrer;
    if (about?.digest !== subject) return [];
    return [
      {
        mediaType,
        digest,
        size: bytes.length,
        artifactType: artifactType ?? config?.mediaType,
        annotations,
      },
    ];
  });
  const first = Number(exchange.url.searchParams.get('first') ?? 0);
  const next = first + (quirks.referrersPerPage ?? all.length);
  const link = `<${exchange.url.pathname}?first=${next}>; rel="next"`;
  exchange.answer(
    200,
    { 'content-type': OCI_INDEX, link: next < all.length ? link : undefined },
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: all.slice(first, next) }),
  );
}

/** The header that tells a client that its manifest is listed for its subject (distribution-spec, end-7). */
export function subjectHeaderOf(bytes: Buffer, quirks: RegistryQuirks): Record<string, string> {
  const digest = (JSON.parse(bytes.toString()) as Referrer).subject?.digest;
  return digest === undefined || quirks.referrersRefused !== undefined ? {} : { 'oci-subject': digest };
}
