import type { DocumentSchema } from '../base/check-document.ts';
import { CAPABILITIES } from '../layers/capabilities.ts';

const text = { type: 'string' } as const;
const id = { type: 'integer', minimum: 0, maximum: 4_294_967_294 } as const;
const owner = {
  type: 'string',
  title: 'an owner',
  examples: ['redis:redis', '999:999'],
  pattern: '^[^:\\s]+(:[^:\\s]+)?$',
} as const;
const mode = {
  type: 'string',
  title: 'octal permissions',
  examples: ['0755', '1777'],
  pattern: '^0?[0-7]{3,4}$',
} as const;
const place = { pattern: '^/.*[^/]$', title: 'an absolute path' } as const;
const list = (description: string): object => ({ type: 'array', items: text, description });
const byName = (description: string, additionalProperties: object): object => ({
  type: 'object',
  description,
  propertyNames: { pattern: '^[a-z_][a-z0-9_.-]*\\$?$', title: 'a name', examples: ['redis'] },
  additionalProperties,
});
const byPlace = (description: string, additionalProperties: object): object => ({
  type: 'object',
  description,
  propertyNames: { ...place, examples: ['/data'] },
  additionalProperties,
});

const file = {
  anyOf: [
    text,
    {
      type: 'object',
      properties: {
        text: { ...text, description: 'What is in it.' },
        base64: { ...text, description: 'The same where it is no text.' },
        mode: { ...mode, description: 'Default 0644.' },
        owner: { ...owner, description: 'USER[:GROUP], names of users and groups or numbers. Default 0:0.' },
      },
      additionalProperties: false,
    },
  ],
  title: 'a text, or a mapping',
  examples: [{ text: 'hello\n', mode: '0600' }],
};

const permission = {
  type: 'object',
  properties: {
    path: {
      ...text,
      description:
        'A path in the image, where * stands for a part of a name and ** for any number of names. With `regex`: where to look, everything below included.',
    },
    regex: { ...text, description: 'A regular expression, searched for in the path in the image.' },
    mode,
    owner,
    uid: id,
    gid: id,
    uname: text,
    gname: text,
    capabilities: { type: 'array', items: { enum: CAPABILITIES }, description: 'Permitted and effective.' },
  },
  additionalProperties: false,
};

/** The image definition, format 1: docs/image-definition.md. `npm run docs` writes it to schemas/image.json. */
export const IMAGE_SCHEMA: DocumentSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'nixpush image definition',
  type: 'object',
  required: ['nixpush'],
  properties: {
    $schema: { ...text, description: 'Where this schema is, for editors.' },
    nixpush: { const: 1, description: 'Version of the format; what nixpush knows a definition by.' },
    name: { ...text, minLength: 1, description: 'Of the image; lower-cased.' },
    tag: {
      type: ['string', 'null'],
      title: 'a tag',
      examples: ['1.0'],
      pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$',
      description:
        'Default: the hash of the store path that the definition is, or else of its first content.',
    },
    contents: list('Store paths whose files are linked at /.'),
    copyToRoot: list('Store paths whose files are copied to /.'),
    profile: {
      type: 'boolean',
      description:
        'Links contents at /run/profile, their /etc also at /etc, and sets PATH to /run/profile/bin.',
    },
    config: { type: 'object', description: "The image config's keys: Cmd, Entrypoint, Env, User, …" },
    annotations: { type: 'object', additionalProperties: text, description: 'Of the manifest.' },
    fromImage: { ...text, minLength: 1, description: 'Base image, or the path of an archive of it.' },
    maxLayers: { type: 'integer', minimum: 1, description: 'Those of the base image counted. Default 100.' },
    layers: {
      anyOf: [
        { enum: ['expected', 'auto', 'popularity'] },
        { type: 'array', items: { type: 'array' } },
        {
          type: 'object',
          properties: { groups: { type: 'array', items: { type: 'array', items: text } } },
          required: ['groups'],
          additionalProperties: false,
        },
      ],
      title: 'a strategy, a layering pipeline or groups',
      examples: ['auto', [['popularity_contest']], { groups: [['glibc']] }],
      description:
        "How store paths are put into layers: a strategy (default expected), nixpkgs' layeringPipeline, or groups.",
    },
    files: byPlace('Files written down here.', file),
    directories: byPlace('Directories.', {
      type: 'object',
      properties: { mode: { ...mode, description: 'Default 0755.' }, owner },
      additionalProperties: false,
    }),
    links: byPlace('Symbolic links and where they lead to.', { ...text, minLength: 1 }),
    users: byName('Beside root and nobody. Makes /etc/passwd, group, shadow and nsswitch.conf.', {
      type: 'object',
      required: ['uid'],
      properties: {
        uid: id,
        group: { ...text, description: 'Default: the group of the same name.' },
        home: { ...place, ...text, examples: ['/data'], description: 'Default /var/empty.' },
        shell: { ...place, ...text, examples: ['/bin/sh'], description: 'Default /bin/sh.' },
        description: { type: 'string', pattern: '^[^:\\n]*$', title: 'a text without colons' },
      },
      additionalProperties: false,
    }),
    groups: byName('Beside root and nobody.', {
      type: 'object',
      required: ['gid'],
      properties: { gid: id, members: { type: 'array', items: text } },
      additionalProperties: false,
    }),
    permissions: {
      type: 'array',
      items: permission,
      description: 'Modes, owners and capabilities of files that match; later rules win.',
    },
    includeStorePaths: { type: 'boolean', description: 'false: the store is mounted where the image runs.' },
    includeNixDB: {
      type: 'boolean',
      description: 'A Nix database of the store paths, for nix in the image.',
    },
    created: { ...text, description: 'ISO 8601 or now. Default 1970-01-01T00:00:01Z.' },
    mtime: { ...text, description: 'Of all files, ISO 8601 or now. Default 1970-01-01T00:00:01Z.' },
    system: { ...text, description: 'What Nix calls it, such as aarch64-linux. Default: this machine.' },
    architecture: { ...text, description: 'In Go’s words, in place of that of `system`.' },
    variant: { ...text, description: 'Of the architecture, such as v7.' },
    uid: { ...id, description: 'Owner of the store paths.' },
    gid: id,
    uname: text,
    gname: text,
    closure: {
      type: 'array',
      items: { type: 'object' },
      description: 'Path, narHash, narSize and references of all store paths, so that nix need not be asked.',
    },
  },
  additionalProperties: false,
};
