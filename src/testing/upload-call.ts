import type { HeldRepository, RegistryContent } from './content.ts';
import type { Exchange } from './exchange.ts';
import type { RegistryQuirks } from './quirks.ts';

/** One request about an upload, with all that its handlers look at. */
export interface UploadCall {
  readonly exchange: Exchange;
  readonly content: RegistryContent;
  readonly repositoryName: string;
  readonly repository: HeldRepository;
  /** Session, from the path. */
  readonly session: string;
  readonly quirks: RegistryQuirks;
}
