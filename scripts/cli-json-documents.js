// What the command line prints with --json, as examples with every key there can be; test/cli/docs.test.ts holds
// them against the real ones.

const manifest = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: 'sha256:5f0c…',
  size: 1309,
};
const layer = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: 'sha256:77c5…',
  size: 10251,
  annotations: { 'dev.nixpush.recipe': 'sha256:10a0…' },
};
const paths = ['/nix/store/0dczwaqyb02ay7vx399ashww848y804z-hello-1.0'];

export const error = {
  code: 'ERR_DENIED',
  exitCode: 3,
  message: 'ghcr.io refuses to let you push to me/hello',
  detail: 'denied: permission_denied: write_package',
  hint: 'Use a token that may write packages.',
  host: 'ghcr.io',
  repository: 'me/hello',
  digest: 'sha256:77c5…',
  path: '/nix/store/0dczwaqyb02ay7vx399ashww848y804z-hello-1.0',
  status: 403,
};

export const push = {
  manifest,
  config: 'sha256:3d7c…',
  platform: 'linux/amd64',
  layers: [
    {
      paths,
      narSize: 21520,
      recipe: 'sha256:10a0…',
      reason: 'a layer of its own (hello-1.0)',
      known: { digest: layer.digest, size: layer.size },
      missingAt: ['ghcr.io/me/hello'],
      diffId: 'sha256:8748…',
      descriptor: layer,
    },
  ],
  destinations: [
    {
      destination: 'ghcr.io/me/hello:1.0',
      reference: 'ghcr.io/me/hello@sha256:5f0c…',
      tags: ['1.0'],
      sentBytes: 12841,
      error,
    },
  ],
};

export const copy = { manifest, destinations: push.destinations };

export const image = {
  kind: 'image',
  reference: 'ghcr.io/me/hello@sha256:5f0c…',
  manifest,
  annotations: { 'org.opencontainers.image.version': '1.0' },
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: 'sha256:3d7c…', size: 1072 },
  platform: 'linux/amd64',
  created: '1970-01-01T00:00:01Z',
  author: 'me',
  settings: { Cmd: ['/bin/hello'] },
  layers: [
    {
      descriptor: layer,
      diffId: 'sha256:8748…',
      createdBy: 'nixpush',
      comment: "store paths: ['/nix/store/0dczwaqyb02ay7vx399ashww848y804z-hello-1.0']",
      paths,
    },
  ],
};

export const index = {
  kind: 'index',
  reference: 'docker.io/library/alpine@sha256:a8c1…',
  manifest: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: 'sha256:a8c1…', size: 9218 },
  annotations: {},
  manifests: [{ ...manifest, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }],
};

const [hello] = paths;
const size = { path: hello, narSize: 21520, closureSize: 31890312 };

export const closure = { kind: 'closure', roots: paths, narSize: 31890312, paths: [size] };

const libc = '/nix/store/fgj7yqw8cz276h30srg0fl9mi353wmmj-glibc-2.40';

export const why = { chains: [{ path: libc, narSize: 30841200, chain: [hello, libc] }] };

export const diff = {
  added: [],
  removed: [],
  changed: [{ name: 'hello', from: ['/nix/store/3m1zb7xjdbcgm3xw5kvhx2zyrnbb8x9k-hello-0.9'], to: paths }],
  unchanged: [libc],
  layers: [
    { digest: layer.digest, size: layer.size, moves: true, reason: '1 of its 1 store paths changed', paths },
  ],
  bytes: layer.size,
};

export const tags = { repository: 'ghcr.io/me/hello', tags: ['1.9', '1.10', 'latest'] };

export const digest = { reference: image.reference, manifest };

export const deletion = { reference: 'ghcr.io/me/hello:1.9', manifest, tags: ['1.9'], deleted: true };

const images = [
  { ...manifest, platform: { os: 'linux', architecture: 'amd64' } },
  { ...manifest, digest: 'sha256:0b2e…', platform: { os: 'linux', architecture: 'arm64' } },
];

export const mirror = {
  repositories: [
    {
      from: 'docker.io/library/debian',
      to: 'ghcr.io/me/debian',
      images: [
        {
          tag: '12',
          outcome: 'copied',
          digest: 'sha256:5f0c…',
          bytes: 48493829,
          requests: 17,
          error,
        },
      ],
      pruned: ['11'],
      error,
    },
  ],
  summary: { images: 1, unchanged: 0, copied: 1, planned: 0, failed: 0, pruned: 1, bytes: 48493829 },
};

export const madeIndex = {
  manifest: { mediaType: 'application/vnd.oci.image.index.v1+json', digest: 'sha256:77d1…', size: 491 },
  images,
  destinations: push.destinations,
};

export const pushSystems = {
  manifest: madeIndex.manifest,
  images: [
    {
      system: 'x86_64-linux',
      manifest,
      config: push.config,
      platform: push.platform,
      layers: push.layers,
    },
  ],
  destinations: push.destinations,
};

export const lock = {
  file: 'nixpush.lock',
  images: [
    {
      name: 'docker.io/library/debian:12',
      digest: 'sha256:9e1c…',
      locked: 'sha256:2649…',
      state: 'moved',
      pullImage: {
        imageName: 'debian',
        imageDigest: 'sha256:9e1c…',
        finalImageName: 'debian',
        finalImageTag: '12',
        os: 'linux',
        arch: 'amd64',
        hash: 'sha256-2IM1SQ73ku0qTjl90OX7EPZdWgupVNDAnBJy7naACgM=',
      },
    },
  ],
};

export const auth = {
  host: 'ghcr.io',
  repository: 'me/hello',
  places: [
    { place: 'the environment (NIXPUSH_*)', outcome: 'nothing for it' },
    { place: '/home/me/.docker/config.json', outcome: 'used' },
  ],
  credentials: {
    kind: 'basic',
    source: '/home/me/.docker/config.json',
    key: 'ghcr.io',
    username: 'me',
  },
};

export const login = { host: 'ghcr.io', keptIn: '/home/me/.docker/config.json', verified: true };

export const logout = { host: 'ghcr.io', removedFrom: ['/home/me/.docker/config.json'] };

export const doctor = {
  host: 'ghcr.io',
  repository: 'me/hello',
  findings: [{ check: 'push', result: 'no', detail: 'it answers 403' }],
};

export const cache = {
  directory: '/home/me/.cache/nixpush',
  parts: [
    { name: 'recipes', purpose: 'layers made: digests and sizes by recipe', files: 1, bytes: 24180 },
    { name: 'uploads', purpose: 'uploads that broke off and can go on', files: 0, bytes: 0 },
  ],
  files: 1,
  bytes: 24180,
};

export const JSON_DOCUMENTS = [
  {
    title: '`push --json`',
    about:
      'On stdout. `paths` is empty for the root layer; `narSize` is the size before compression; `recipe` names what the layer is made from, `reason` why its paths share it (`kept from the earlier image` where they did before); `plannedAnew` is there where unchanged layers of the earlier image were not kept, and says why. `known` is there where an earlier push made the same layer, or an image of `--reuse` has it. A destination has either `reference` or `error`. After `--dry-run` there are no `manifest`, `config`, `diffId`, `descriptor` and `reference`; `missingAt` says which destinations lack a known layer. With `--from`, `base` has the base image (`reference`) and how many store paths of the closure it holds already (`storePaths`); its layers come first, each with `"base": true`, `known`, its compressed size as `narSize`, and no `recipe`.',
    example: push,
  },
  {
    title: '`push --system … --json`',
    about:
      'On stdout. `manifest` is the index; each of `images` is as with `push`, with its Nix system. After `--dry-run` there is no `manifest`.',
    example: pushSystems,
  },
  {
    title: '`index --json`',
    about:
      'On stdout. `manifest` is the index, `images` its entries in order; destinations are as with `push`.',
    example: madeIndex,
  },
  {
    title: '`lock --json`',
    about:
      'On stdout. `digest` is what the tag points at now, `locked` what the file had before. `state` is `new`, `moved` or `unchanged`; the file has `digest` now, unless `--check` was given. `pullImage` is there with `--nix`.',
    example: lock,
  },
  {
    title: '`copy --json`',
    about:
      'On stdout, or on stderr while an archive goes to stdout. `manifest` is the image or index that is at the destinations now; destinations are as with `push`.',
    example: copy,
  },
  {
    title: '`mirror --json`',
    about:
      'On stdout. `outcome` of an image is `unchanged`, `copied`, `failed` (with `error`) or, after `--dry-run`, `planned`; `bytes` were sent to the destination or, after `--dry-run`, would be, in about `requests` requests. `error` of a repository says why it could not be listed or pruned.',
    example: mirror,
  },
  {
    title: '`inspect --json`: an image',
    about:
      'On stdout. `settings` is the `config` object of the image config, verbatim. `paths` is what the history says, as nixpush and dockerTools write it.',
    example: image,
  },
  {
    title: '`inspect --json`: an index',
    about: 'On stdout, unless `--platform` chose one image.',
    example: index,
  },
  {
    title: '`inspect --json`: a closure',
    about:
      'On stdout. Sizes are bytes of NARs, `closureSize` that of a path and all it refers to. An image has the same list as `sizes` with `--sizes`, and with `layer`, the number of the layer that holds the path, from 1.',
    example: closure,
  },
  {
    title: '`why --json`',
    about: 'On stdout. One chain for each path that was meant, from a root down to it.',
    example: why,
  },
  {
    title: '`diff --json`',
    about:
      'On stdout. `layers`, those of the second, are there when the first is an image. `size` is compressed where `digest` is known, else the size of the store paths; `bytes` sums up what moves.',
    example: diff,
  },
  {
    title: '`tags --json`',
    about: 'On stdout. Tags stand in natural order.',
    example: tags,
  },
  {
    title: '`digest --json`',
    about: 'On stdout.',
    example: digest,
  },
  {
    title: '`delete --json`',
    about:
      'On stdout. `tags` are those that went; it is absent where a digest went with all its tags and there were more than 100 tags to look at. `deleted` is false after a no to the question.',
    example: deletion,
  },
  {
    title: '`auth --json`',
    about:
      'On stdout. `places` are those looked at, in order; `outcome` is `used`, `nothing for it` or `does not exist`. `credentials` is absent if access would be anonymous; its `kind` is `basic`, `identity-token` or `registry-token`, `source` the file or helper program, `key` the entry there.',
    example: auth,
  },
  {
    title: '`login --json`',
    about: 'On stdout. `verified` is false where the registry asks nobody for credentials.',
    example: login,
  },
  {
    title: '`logout --json`',
    about: 'On stdout. `removedFrom` is empty if there was no login.',
    example: logout,
  },
  {
    title: '`doctor --json`',
    about: 'On stdout. `result` is `yes`, `no`, `unknown` or `not tried`; `detail` is for people.',
    example: doctor,
  },
  {
    title: '`cache --json`',
    about: 'On stdout. After `cache clear` it is what was there before.',
    example: cache,
  },
  {
    title: 'Errors',
    about:
      'On stderr, one line for each error, with any verb that was given `--json`. Progress and warnings stay lines of text there; `--quiet` leaves only warnings and errors.',
    example: { error },
  },
];
