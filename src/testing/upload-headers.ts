import type { HeldSession } from './content.ts';
import type { RegistryQuirks } from './quirks.ts';
import type { UploadCall } from './upload-call.ts';

/** Location of a session; undefined where the quirks leave it out. */
export function locationOf(call: UploadCall, session: HeldSession, fresh = false): string | undefined {
  const { quirks, exchange, repositoryName } = call;
  const form = quirks.location ?? 'absolute';
  if (form === 'none' && !fresh) return undefined;
  const parameters = [
    ...(quirks.stateInLocation === undefined ? [] : [`_state=${session.size}`]),
    ...(quirks.signedLocation === true ? [`sig=a%2Fb+${session.key}`] : []),
  ];
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
  const path = `/v2/${repositoryName}/blobs/${quirks.uploadPath ?? 'uploads'}/${session.id}${query}`;
  return form === 'relative' ? path : `${quirks.locationOrigin ?? exchange.url.origin}${path}`;
}

/** Range of a session (distribution-spec: `0-<last byte>`), as right as the quirks have it. */
export function rangeOf(session: HeldSession, quirks: RegistryQuirks, isStatus = false): string | undefined {
  const prefix = quirks.rangePrefix !== undefined && isStatus ? quirks.rangePrefix : '';
  const text = plainRange(session, quirks, isStatus);
  return text === undefined ? undefined : `${prefix}${text}`;
}

function plainRange(session: HeldSession, quirks: RegistryQuirks, isStatus: boolean): string | undefined {
  if (session.size === 0) return quirks.emptyRange === 'none' ? undefined : (quirks.emptyRange ?? '0-0');
  switch (quirks.range ?? 'right') {
    case 'none':
      return undefined;
    case 'stuck':
      return `0-${(session.firstEnd ?? session.size) - 1}`;
    case 'one-too-many':
      return `0-${session.size - (isStatus ? 0 : 1)}`;
    case 'last-chunk':
      return `${session.lastStart}-${session.size - 1}`;
    case 'right':
      return `0-${session.size - 1}`;
  }
}
