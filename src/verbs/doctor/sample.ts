import type { Descriptor } from '../../image/descriptor.ts';
import { parseManifest } from '../../image/parse-manifest.ts';
import { NixpushError } from '../../base/errors.ts';
import { getManifest } from '../../stores/registry/manifest-get.ts';
import { listTags } from '../../stores/registry/tags.ts';
import type { Subject } from './ask.ts';

/** Something that is in the repository already, to read. */
export interface Sample {
  readonly tag: string;
  readonly manifest: Descriptor;
  readonly blob: Descriptor;
}

/** The config of the first image that a tag names; undefined if there is none or it may not be read. */
export async function findSample(subject: Subject): Promise<Sample | undefined> {
  try {
    const tags = await listTags(subject, subject.signal);
    const tag = tags.includes('latest') ? 'latest' : tags[0];
    return tag === undefined ? undefined : await sampleOf(subject, tag, tag);
  } catch (error) {
    if (subject.signal?.aborted === true || !(error instanceof NixpushError)) throw error;
    return undefined;
  }
}

/** Of an index the first image. */
async function sampleOf(subject: Subject, tag: string, reference: string): Promise<Sample | undefined> {
  const { descriptor, bytes } = await getManifest(subject, reference, subject.signal);
  const manifest = parseManifest(bytes, descriptor.mediaType, `${subject.repository}:${tag}`);
  if (manifest.kind === 'image') return { tag, manifest: descriptor, blob: manifest.config };
  const [child] = manifest.manifests;
  return child === undefined || reference === child.digest ? undefined : sampleOf(subject, tag, child.digest);
}
