import { NixpushError } from '../base/errors.ts';
import {
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
} from './media-types.ts';

/** The same bytes under image-spec's name: a Docker layer becomes an OCI layer without being touched. */
const OCI_TWINS = new Map([
  [OCI_LAYER, OCI_LAYER],
  [OCI_LAYER_GZIP, OCI_LAYER_GZIP],
  [OCI_LAYER_ZSTD, OCI_LAYER_ZSTD],
  [DOCKER_LAYER, OCI_LAYER],
  [DOCKER_LAYER_GZIP, OCI_LAYER_GZIP],
  [DOCKER_LAYER_ZSTD, OCI_LAYER_ZSTD],
]);

/** A layer's media type as an OCI manifest has it. `what` names the layer. Throws ERR_FORMAT if there is none. */
export function ociLayerType(mediaType: string, what: string): string {
  const twin = OCI_TWINS.get(mediaType);
  if (twin !== undefined) return twin;
  if (mediaType.includes('.nondistributable.') || mediaType.includes('.foreign.'))
    throw new NixpushError('ERR_FORMAT', `${what} is of type ${mediaType}, which may not be redistributed`, {
      hint: 'Choose a base image whose layers are all in its registry.',
    });
  throw new NixpushError('ERR_FORMAT', `${what} is of type ${mediaType}, which is no layer of an OCI image`);
}
