/** nixpush as a library: the verbs of the command line as functions. */
export { NixpushError, type ErrorCode } from './base/errors.ts';
export type { Digest } from './base/digest.ts';
export type { Descriptor, Platform } from './image/descriptor.ts';
export { auth, type AuthCredentials, type AuthPlace, type AuthResult } from './verbs/auth.ts';
export { cacheInfo, clearCache, type CacheInfo, type CachePart } from './verbs/cache.ts';
export { copy, type CopyOptions, type CopyResult } from './verbs/copy.ts';
export { deleteImage, type DeleteOptions, type DeleteResult, type Deletion } from './verbs/delete-image.ts';
export { digest, type DigestOptions, type DigestResult } from './verbs/digest.ts';
export type { LayerGroups, LayersByHand } from './layers/plan/layers-by-hand.ts';
export type { PathSpec, PipelineStep } from './layers/plan/pipeline-steps.ts';
export type { ClosureOfOptions } from './verbs/read/closure-of.ts';
export { diff, type DiffOptions, type DiffResult } from './verbs/diff.ts';
export { doctor, type DoctorOptions, type DoctorResult, type Finding } from './verbs/doctor.ts';
export { index, type IndexOptions, type IndexResult } from './verbs/index-images.ts';
export { inspect, type InspectOptions, type InspectResult } from './verbs/inspect.ts';
export { inspectPath, type InspectedClosure, type InspectPathOptions } from './verbs/inspect-path.ts';
export { lock, type LockedImage, type LockOptions, type LockResult } from './verbs/lock.ts';
export { login, type LoginOptions, type LoginResult } from './verbs/login.ts';
export { logout, type LogoutResult } from './verbs/logout.ts';
export type { PullImageArguments } from './verbs/lock/pull-image.ts';
export { mirror } from './verbs/mirror.ts';
export { readMirrorFile, type MirrorFile } from './verbs/mirror/mirror-file.ts';
export type { MirrorOptions, MirrorSpec } from './verbs/mirror/mirror-options.ts';
export type { MirrorEvent, MirrorListener } from './verbs/mirror/mirror-events.ts';
export type { MirroredImage, MirroredRepository, MirrorResult } from './verbs/mirror/mirror-result.ts';
export type { TagFilter, TagFilters } from './verbs/mirror/tag-filter.ts';
export type { PlannedLayer, ProgressEvent, ProgressListener } from './verbs/progress.ts';
export type { PushedBase, PushedDestination, PushedLayer, PushResult } from './verbs/push-result.ts';
export { push, type PushOptions } from './verbs/push.ts';
export {
  pushSystems,
  type PushedImage,
  type PushSystemsOptions,
  type PushSystemsResult,
  type SystemPaths,
} from './verbs/push-systems.ts';
export type { RegistryAccess, RegistryLogin } from './verbs/registry-access.ts';
export { tags, type TagsOptions, type TagsResult } from './verbs/tags.ts';
export { why, type ReferenceChain, type WhyResult } from './verbs/why.ts';
