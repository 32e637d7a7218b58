import type { LayersByHand } from '../layers/plan/layers-by-hand.ts';
import type { LayerStrategy } from '../layers/plan/plan.ts';
import type { Capability } from '../layers/capabilities.ts';

/** An image definition as it is written, format 1: docs/image-definition.md says what each key means. */
export interface ImageDefinition {
  readonly nixpush: 1;
  readonly name?: string;
  readonly tag?: string | null;
  readonly contents?: readonly string[];
  readonly copyToRoot?: readonly string[];
  readonly profile?: boolean;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly fromImage?: string;
  readonly maxLayers?: number;
  readonly layers?: LayerStrategy | LayersByHand;
  readonly files?: Readonly<Record<string, string | DefinedFile>>;
  readonly directories?: Readonly<Record<string, DefinedDirectory>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly users?: Readonly<Record<string, DefinedUser>>;
  readonly groups?: Readonly<Record<string, DefinedGroup>>;
  readonly permissions?: readonly DefinedPermission[];
  readonly includeStorePaths?: boolean;
  readonly includeNixDB?: boolean;
  readonly created?: string;
  readonly mtime?: string;
  readonly system?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  readonly closure?: readonly object[];
}

export interface DefinedFile {
  readonly text?: string;
  readonly base64?: string;
  /** Octal. */
  readonly mode?: string;
  readonly owner?: string;
}

export interface DefinedDirectory {
  readonly mode?: string;
  readonly owner?: string;
}

export interface DefinedUser {
  readonly uid: number;
  readonly group?: string;
  readonly home?: string;
  readonly shell?: string;
  readonly description?: string;
}

export interface DefinedGroup {
  readonly gid: number;
  readonly members?: readonly string[];
}

export interface DefinedPermission {
  readonly path?: string;
  readonly regex?: string;
  readonly mode?: string;
  readonly owner?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly uname?: string;
  readonly gname?: string;
  readonly capabilities?: readonly Capability[];
}
