import type { PushResult } from '../verbs/push-result.ts';
import type { PushSystemsResult } from '../verbs/push-systems.ts';
import type { PushOptions, PushSystemsOptions } from '../verbs/push/push-options.ts';
import type { CacheInfo } from '../verbs/cache.ts';
import type { CopyOptions, CopyResult } from '../verbs/copy.ts';
import type { AuthResult } from '../verbs/auth.ts';
import type { DeleteOptions, DeleteResult } from '../verbs/delete-image.ts';
import type { DigestOptions, DigestResult } from '../verbs/digest.ts';
import type { DoctorOptions, DoctorResult } from '../verbs/doctor.ts';
import type { IndexOptions, IndexResult } from '../verbs/index-images.ts';
import type { ClosureOfOptions } from '../verbs/read/closure-of.ts';
import type { DiffOptions, DiffResult } from '../verbs/diff.ts';
import type { WhyResult } from '../verbs/why.ts';
import type { InspectedClosure, InspectPathOptions } from '../verbs/inspect-path.ts';
import type { InspectOptions, InspectResult } from '../verbs/inspect.ts';
import type { LockOptions, LockResult } from '../verbs/lock.ts';
import type { LoginOptions, LoginResult } from '../verbs/login.ts';
import type { LogoutResult } from '../verbs/logout.ts';
import type { TagsOptions, TagsResult } from '../verbs/tags.ts';
import type { MirrorFile } from '../verbs/mirror/mirror-file.ts';
import type { MirrorOptions, MirrorSpec } from '../verbs/mirror/mirror-options.ts';
import type { MirrorResult } from '../verbs/mirror/mirror-result.ts';
import type { Arguments } from './arguments.ts';

/** One option of a verb; the parser, `--help` and docs/cli.md are all made from it. */
export interface CliOption {
  /** What stands for the value in the help; a flag has none. */
  readonly value?: string;
  /** May be given several times. */
  readonly repeat?: true;
  readonly choices?: readonly string[];
  /** Some of the values that there may be, for completion. */
  readonly suggestions?: readonly string[];
  /** The value is a whole number from 1 up. */
  readonly integer?: true;
  /** One line, beginning with a small letter. */
  readonly describe: string;
}

export interface OptionGroup {
  readonly title: string;
  /** By name, without the dashes. */
  readonly options: Readonly<Record<string, CliOption>>;
}

export interface Positional {
  readonly name: string;
  /** As the help writes it: `[path..]`, `<ref>`, `<from> <to>`. */
  readonly pattern: string;
  readonly describe: string;
  readonly choices?: readonly string[];
}

export interface Example {
  readonly command: string;
  readonly purpose: string;
}

/** A verb of the command line. */
export interface Command {
  readonly name: string;
  /** Other words for it. */
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly positional: Positional;
  readonly examples: readonly Example[];
  readonly groups: readonly OptionGroup[];
  /** Free text after the options: what no single option line can say. */
  readonly notes: readonly string[];
  /** Returns the exit code; throws what `printError` is to print. */
  run(args: Arguments, context: CliContext): Promise<number>;
}

/** The library, as far as the command line uses it. Tests put their own in its place. */
export interface Verbs {
  readonly push: (options: PushOptions) => Promise<PushResult>;
  readonly pushSystems: (options: PushSystemsOptions) => Promise<PushSystemsResult>;
  readonly copy: (source: string, options: CopyOptions) => Promise<CopyResult>;
  readonly index: (references: readonly string[], options: IndexOptions) => Promise<IndexResult>;
  readonly mirror: (images: readonly MirrorSpec[], options: MirrorOptions) => Promise<MirrorResult>;
  readonly readMirrorFile: (file: string, environment: NodeJS.ProcessEnv) => Promise<MirrorFile>;
  readonly inspect: (reference: string, options?: InspectOptions) => Promise<InspectResult>;
  readonly inspectPath: (
    path: string,
    options?: InspectPathOptions,
  ) => Promise<InspectedClosure | InspectResult>;
  readonly why: (text: string, wanted: string, options?: ClosureOfOptions) => Promise<WhyResult>;
  readonly diff: (from: string, to: string, options?: DiffOptions) => Promise<DiffResult>;
  readonly tags: (repository: string, options?: TagsOptions) => Promise<TagsResult>;
  readonly digest: (reference: string, options?: DigestOptions) => Promise<DigestResult>;
  readonly deleteImage: (reference: string, options?: DeleteOptions) => Promise<DeleteResult>;
  readonly lock: (references: readonly string[], options?: LockOptions) => Promise<LockResult>;
  readonly login: (registry: string, options: LoginOptions) => Promise<LoginResult>;
  readonly logout: (registry: string, options?: { signal?: AbortSignal }) => Promise<LogoutResult>;
  readonly doctor: (address: string, options?: DoctorOptions) => Promise<DoctorResult>;
  readonly cacheInfo: () => Promise<CacheInfo>;
  readonly clearCache: () => Promise<CacheInfo>;
  readonly auth: (address: string, options?: { signal?: AbortSignal }) => Promise<AuthResult>;
}

/** What a verb gets from the process around it. */
export interface CliContext {
  /** Loads the library; it is not loaded before an argument check has passed. */
  loadVerbs(): Promise<Verbs>;
  /** Results go here, whole lines or documents only. */
  out(text: string): void;
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Options that every verb which talks to somebody has. */
export const OUTPUT_OPTIONS: OptionGroup = {
  title: 'Output',
  options: {
    json: { describe: 'one JSON document on stdout; errors as JSON lines on stderr' },
    quiet: { describe: 'only warnings and errors on stderr' },
    verbose: { describe: 'more on stderr: paths of each layer; causes and stack of an error' },
  },
};
