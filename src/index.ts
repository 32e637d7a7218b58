/** nixpush as a library: the verbs of the command line as functions. */
export { NixpushError, type ErrorCode } from './base/errors.ts';
export type { Digest } from './base/digest.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export { inspect, type InspectOptions, type InspectResult } from './verbs/inspect.ts';
export type { PlannedLayer, ProgressEvent, ProgressListener } from './verbs/progress.ts';
export {
  push,
  type PushedDestination,
  type PushedLayer,
  type PushOptions,
  type PushResult,
} from './verbs/push.ts';
