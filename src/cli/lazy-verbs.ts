import type { Verbs } from './command.ts';

/** The library's functions; each is loaded when it is called. Loading all of them takes longer than a push may. */
export const LAZY_VERBS: Verbs = {
  push: async (...args) => (await import('../verbs/push.ts')).push(...args),
  pushSystems: async (...args) => (await import('../verbs/push-systems.ts')).pushSystems(...args),
  copy: async (...args) => (await import('../verbs/copy.ts')).copy(...args),
  index: async (...args) => (await import('../verbs/index-images.ts')).index(...args),
  mirror: async (...args) => (await import('../verbs/mirror.ts')).mirror(...args),
  readMirrorFile: async (...args) => (await import('../verbs/mirror/mirror-file.ts')).readMirrorFile(...args),
  inspect: async (...args) => (await import('../verbs/inspect.ts')).inspect(...args),
  inspectPath: async (...args) => (await import('../verbs/inspect-path.ts')).inspectPath(...args),
  why: async (...args) => (await import('../verbs/why.ts')).why(...args),
  diff: async (...args) => (await import('../verbs/diff.ts')).diff(...args),
  tags: async (...args) => (await import('../verbs/tags.ts')).tags(...args),
  digest: async (...args) => (await import('../verbs/digest.ts')).digest(...args),
  deleteImage: async (...args) => (await import('../verbs/delete-image.ts')).deleteImage(...args),
  lock: async (...args) => (await import('../verbs/lock.ts')).lock(...args),
  login: async (...args) => (await import('../verbs/login.ts')).login(...args),
  logout: async (...args) => (await import('../verbs/logout.ts')).logout(...args),
  doctor: async (...args) => (await import('../verbs/doctor.ts')).doctor(...args),
  cacheInfo: async () => (await import('../verbs/cache.ts')).cacheInfo(),
  clearCache: async () => (await import('../verbs/cache.ts')).clearCache(),
  auth: async (...args) => (await import('../verbs/auth.ts')).auth(...args),
};
