import type { DocumentSchema } from '../../base/check-document.ts';

const texts = {
  type: ['string', 'array'],
  minLength: 1,
  minItems: 1,
  items: { type: 'string', minLength: 1 },
};

const tagFilter = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    glob: { ...texts, description: 'Patterns for the whole tag: 1.2*, *-alpine. A tag alone is one.' },
    semver: {
      ...texts,
      description: 'Ranges of versions: >=1.2 <2, ~1.4, 1.x. Tags like v1.2 are versions too.',
    },
    regex: { ...texts, description: 'Regular expressions, found anywhere in the tag.' },
    exclude: { ...texts, description: 'Patterns of tags to leave out, whatever else takes them.' },
    newest: {
      type: 'integer',
      minimum: 1,
      description: 'Of what is left only so many: the highest versions, then other tags in natural order.',
    },
  },
};

/** What `schemas/mirror.json` says: the form of a mirror file. `npm run docs` writes it there. */
export const MIRROR_SCHEMA: DocumentSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'nixpush mirror file',
  description:
    'Repositories to mirror with `nixpush mirror --file`. Any text may hold ${NAME}, an environment variable.',
  type: 'object',
  required: ['images'],
  additionalProperties: false,
  properties: {
    registries: {
      type: 'object',
      description:
        'Logins and settings by host, as HOST[:PORT]. Other logins are found as always: nixpush login HOST.',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        dependencies: { username: ['password'], password: ['username'] },
        properties: {
          username: { type: 'string', minLength: 1, description: 'Goes with a password.' },
          password: {
            type: 'string',
            minLength: 1,
            description: 'Better in a variable than in the file.',
            examples: ['${REGISTRY_TOKEN}'],
          },
          insecure: {
            type: 'boolean',
            description: 'Allow plain HTTP and certificates that cannot be verified.',
          },
        },
      },
    },
    images: {
      description: 'The repositories to mirror.',
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['from', 'to'],
        additionalProperties: false,
        properties: {
          from: {
            type: 'string',
            minLength: 1,
            description: 'Repository without a tag: HOST/REPO or oci:DIR.',
            examples: ['docker.io/library/debian'],
          },
          to: {
            type: 'string',
            minLength: 1,
            description: 'Where its tags go, under the same names.',
            examples: ['registry.example.org/mirror/debian', 'oci:DIR'],
          },
          tags: {
            description:
              'Which tags. Of one kind any pattern will do, of several kinds each must agree; of a list of filters any will do. Default: all.',
            title: 'a pattern, a filter or a list of these',
            anyOf: [
              { type: 'string', minLength: 1 },
              tagFilter,
              {
                type: 'array',
                minItems: 1,
                items: {
                  anyOf: [{ type: 'string', minLength: 1 }, tagFilter],
                  title: 'a pattern or a filter',
                },
              },
            ],
          },
          platforms: {
            ...texts,
            description: 'OS/ARCH[/VARIANT]. One: that image; several: a smaller index. Default: all.',
            examples: [['linux/amd64', 'linux/arm64']],
          },
        },
      },
    },
  },
};
