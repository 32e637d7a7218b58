/** What an archive may hold, whoever made it. Real ones have some hundred members and JSON of some kilobytes. */
export const LIMITS = {
  members: 100_000,
  /** Bytes of a member's name or a link's target. */
  nameBytes: 4096,
  /** Bytes of an extended header. */
  extendedHeaderBytes: 1_048_576,
  /** Bytes of manifest.json, of a config and of any other JSON member. Layers are never unpacked. */
  jsonBytes: 8_388_608,
  /** Bytes of small members that are kept from the first reading. */
  keptBytes: 33_554_432,
  images: 10_000,
  layersOfImage: 5000,
  /** Links from one to the next. */
  links: 8,
} as const;
