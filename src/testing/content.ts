import { randomUUID } from 'node:crypto';

/** A manifest as it was put. */
export interface HeldManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** An upload session. */
export interface HeldSession {
  readonly id: string;
  /** Bytes that arrived, in order. */
  pieces: Buffer[];
  /** Sum of the pieces. */
  size: number;
  /** Where the first PATCH ended, for a Range that gets stuck there. */
  firstEnd: number | undefined;
  /** Where the last PATCH began. */
  lastStart: number;
  /** Length of the last PATCH's body. */
  lastLength: number | undefined;
  /** Signature that the next request must carry. */
  key: string;
}

/** What a repository holds, all of it in memory. */
export class HeldRepository {
  readonly blobs: Map<string, Buffer> = new Map();
  /** By digest. */
  readonly manifests: Map<string, HeldManifest> = new Map();
  /** Tag to digest. */
  readonly tags: Map<string, string> = new Map();
  readonly sessions: Map<string, HeldSession> = new Map();

  openSession(): HeldSession {
    const session: HeldSession = {
      id: randomUUID(),
      pieces: [],
      size: 0,
      firstEnd: undefined,
      lastStart: 0,
      lastLength: undefined,
      key: randomUUID(),
    };
    this.sessions.set(session.id, session);
    return session;
  }
}

/** All repositories; one comes into being when it is first asked for. */
export class RegistryContent {
  readonly repositories: Map<string, HeldRepository> = new Map();

  repository(name: string): HeldRepository {
    let repository = this.repositories.get(name);
    if (repository === undefined) {
      repository = new HeldRepository();
      this.repositories.set(name, repository);
    }
    return repository;
  }
}
