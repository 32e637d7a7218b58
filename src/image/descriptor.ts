import type { Digest } from '../base/digest.ts';

/** A content descriptor (image-spec, descriptor.md). `size` in bytes. */
export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
  urls?: string[];
  data?: string;
}

/** image-spec, image-index.md. `os` and `architecture` in Go's words. */
export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
}
